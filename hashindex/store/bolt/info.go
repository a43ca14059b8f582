package bolt

import (
	"time"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// Info describes the file for people who run it.
type Info struct {
	Format    int // version of the layout
	Created   time.Time
	Head      hashindex.Seq
	FileBytes int64
	PageSize  int // bytes
	Pages     int // in use or free
	FreePages int // written over by later changes: what compacting would give back
}

// Info reads the file's figures.
func (s *Store) Info() (Info, error) {
	info := Info{Format: int(s.identity.format), Created: s.identity.created}
	err := s.view(func(o *opened, tx *bbolt.Tx) error {
		file, err := o.file.Stat()
		if err != nil {
			return err
		}
		stats := o.Stats()
		info.FileBytes, info.FreePages = file.Size(), stats.FreePageN+stats.PendingPageN
		info.PageSize = o.Info().PageSize
		info.Pages = int(tx.Size()) / info.PageSize
		info.Head, _, err = loadHead(tx.Bucket([]byte(meta.String())))
		return err
	})
	return info, err
}
