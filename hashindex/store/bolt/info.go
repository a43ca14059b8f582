package bolt

import (
	"os"
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
	info, err := guarded(func() (info Info, err error) {
		err = s.db.View(func(tx *bbolt.Tx) error {
			info.Head, _, err = loadHead(tx.Bucket([]byte(meta.String())))
			info.PageSize = s.db.Info().PageSize
			info.Pages = int(tx.Size()) / info.PageSize
			return err
		})
		return info, err
	})
	if err != nil {
		return Info{}, translate(err)
	}
	file, err := os.Stat(s.db.Path())
	if err != nil {
		return Info{}, err
	}
	free := s.db.Stats()
	info.Format, info.Created, info.FileBytes = int(s.identity.format), s.identity.created, file.Size()
	info.FreePages = free.FreePageN + free.PendingPageN
	return info, nil
}
