package fingerprint

import (
	"image"

	"touchstone/hashindex"
)

// Grey makes the fingerprint of a grey picture that is decoded already, such as a frame of a video. Its
// origin is at 0,0.
func (m *Maker) Grey(picture *image.Gray) hashindex.Fingerprint {
	s := m.samplers.Get().(*sampler)
	defer m.samplers.Put(s)
	return s.fingerprint(picture, header{orientation: upright})
}

// Features makes the features of such a picture.
func (m *Maker) Features(picture *image.Gray) hashindex.Features {
	d := m.detailers.Get().(*detailer)
	defer m.detailers.Put(d)
	return d.features(picture, header{orientation: upright}, hashindex.MaxKeypoints)
}
