package hashindex

// SaveNow saves all that is not kept yet, however little.
func (ix *Index) SaveNow() error {
	return ix.saveKept(func(f *feed) bool { return f.applied > f.saved })
}
