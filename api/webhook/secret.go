package webhook

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"touchstone/hashindex"
)

// What there may be of a hook's secrets, and how long a former one signs along.
const (
	MaxSecrets     = 5 // the newest among them
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 7 * 24 * time.Hour
)

// former is a secret that another one took the place of.
type former struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until"`
}

// signs reports whether deliveries are signed with it still. The clock may have gone back since it was set.
func (f former) signs(now time.Time) bool { return yetToCome(now, f.Until, MaxOverlap) }

// Rotate gives the hook a new secret, and is that secret, which nothing hands out again. For the overlap deliveries are
// signed with the former ones too, so that the receiver can change its own meanwhile; without an overlap they
// end at once.
func (s *Sender) Rotate(ctx context.Context, actor string, id ID, overlap time.Duration, along ...hashindex.Along[Made]) (h Hook, secret string, seq hashindex.Seq, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return h, "", 0, invalid("overlap", "%v is not within 0..%v", overlap, MaxOverlap)
	}
	if secret, err = s.newSecret(); err != nil {
		return h, "", 0, err
	}
	seq, err = s.Index.Transact(ctx, actor, func(w hashindex.Writer) error {
		if h, err = loadHook(w, id); err != nil {
			return err
		}
		old, err := retire(w, id, s.now(), overlap)
		if err != nil {
			return err
		}
		h.FormerUntil, h.Edition = time.Time{}, h.Edition+1
		to := "rotated"
		if len(old) > 0 {
			h.FormerUntil = old[0].Until // none lasts longer
			to += ", former secrets end by " + h.FormerUntil.Format(time.RFC3339)
		}
		return errors.Join(hashindex.SaveRow(w, hookRows, id.key(), h), hashindex.SaveRow(w, secretRows, id.key(), secret),
			saveFormer(w, id, old), tell(w, h, "created", to), hashindex.WriteAlong(w, Made{h, secret}, along))
	})
	return h, secret, seq, err
}

func (s *Sender) newSecret() (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(s.Random, raw); err != nil {
		return "", err
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(raw), nil
}

// retire is what will sign along with a new secret: the present one, and the former ones that still do, each for
// the overlap at most.
func retire(r hashindex.Reader, id ID, now time.Time, overlap time.Duration) (old []former, err error) {
	present, err := hashindex.LoadRow[string](r, secretRows, id.key())
	if err != nil {
		return nil, err
	}
	old, err = loadFormer(r, id)
	if err != nil || overlap == 0 {
		return nil, err
	}
	end := now.Add(overlap)
	old = slices.DeleteFunc(old, func(f former) bool { return !f.signs(now) })
	for i := range old {
		if old[i].Until.After(end) {
			old[i].Until = end
		}
	}
	if old = append([]former{{present, end}}, old...); len(old) >= MaxSecrets {
		return nil, &hashindex.LimitError{Limit: "webhook_secrets", Max: MaxSecrets, Got: int64(len(old)) + 1}
	}
	return old, nil
}

// loadFormer are the hook's former secrets, newest first, ended ones among them.
func loadFormer(r hashindex.Reader, id ID) ([]former, error) {
	list, err := hashindex.LoadRow[[]former](r, formerRows, id.key())
	if errors.Is(err, hashindex.ErrNotFound) {
		return nil, nil
	}
	return list, err
}

func saveFormer(w hashindex.Writer, id ID, list []former) error {
	if len(list) == 0 {
		return w.RemoveRow(formerRows, id.key())
	}
	return hashindex.SaveRow(w, formerRows, id.key(), list)
}

// forget removes the former secrets that have ended.
func forget(w hashindex.Writer, id ID, now time.Time) error {
	list, err := loadFormer(w, id)
	left := slices.DeleteFunc(slices.Clone(list), func(f former) bool { return !f.signs(now) })
	if err != nil || len(left) == len(list) {
		return err
	}
	return saveFormer(w, id, left)
}

// secrets are what the hook's deliveries are signed with now, the newest first.
func secrets(r hashindex.Reader, id ID, now time.Time) ([]string, error) {
	present, err := hashindex.LoadRow[string](r, secretRows, id.key())
	if err != nil {
		return nil, err
	}
	old, err := loadFormer(r, id)
	list := []string{present}
	for _, f := range old {
		if f.signs(now) {
			list = append(list, f.Secret)
		}
	}
	return list, err
}

// sign is the header of signatures, one by each secret, with a space between them.
func sign(secrets []string, id string, at time.Time, body []byte) (signatures string, err error) {
	for _, secret := range secrets {
		signer, err := standard.NewWebhook(secret)
		if err != nil {
			return "", err
		}
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			return "", err
		}
		if signatures != "" {
			signatures += " "
		}
		signatures += signature
	}
	return signatures, nil
}
