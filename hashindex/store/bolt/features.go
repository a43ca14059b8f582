package bolt

import "touchstone/hashindex"

// Features implements hashindex.Reader without copying: tier partial reads some twenty candidates
// for each query, of 16 KiB or so. The checksum is compared first, so every page has been read, where
// a fault is caught, before the caller gets to it.
func (r *reader) Features(frame hashindex.FrameID) ([]byte, error) {
	return guarded(func() ([]byte, error) {
		encoded, err := r.features(frame)
		if err == nil && encoded == nil {
			err = notFound("features of frame", frame)
		}
		return encoded, err
	})
}

// features are the frame's, or nil where it has none. A store of format 1 has none at all.
func (r *reader) features(frame hashindex.FrameID) ([]byte, error) {
	if r.open[features] == nil {
		return nil, nil
	}
	key := frameKey(frame)
	sealed := r.open[features].Get(key)
	if sealed == nil {
		return nil, nil
	}
	return checked(features, key, sealed)
}

func (w *writer) putFeatures(id hashindex.ReferenceID, all [][]byte) error {
	for n, encoded := range all {
		if len(encoded) == 0 {
			continue
		}
		key := frameKey(hashindex.FrameOf(id, n))
		sealed := append(make([]byte, 0, len(encoded)+checksumSize), encoded...)
		if err := w.open[features].Put(key, appendChecksum(key, sealed)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) removeFeatures(r *hashindex.Reference) error {
	for n, frame := range r.Frames {
		if frame.Features.IsZero() {
			continue
		}
		if err := w.open[features].Delete(frameKey(hashindex.FrameOf(r.ID, n))); err != nil {
			return err
		}
	}
	return nil
}
