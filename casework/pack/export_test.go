package pack

// Read, Write and Seal let tests make packs that say something else.
var (
	Read  = read
	Write = write
)

// Seal makes the page, the drawings of segments and the manifest of the files anew, as somebody would who has this program.
func Seal(files map[string][]byte) ([]byte, error) {
	c, err := parseCase(files[casePath])
	if err != nil {
		return nil, err
	}
	delete(files, manifestPath)
	for _, x := range c.Hits {
		if x.Hit.Segment != nil && files[x.Timeline] != nil {
			files[x.Timeline] = drawTimeline(x.Hit.Segment)
		}
	}
	if files[casePath], err = readable(c); err != nil {
		return nil, err
	}
	if files[pagePath], err = pageOf(c, files); err != nil {
		return nil, err
	}
	if files[manifestPath], err = manifestOf(files); err != nil {
		return nil, err
	}
	return write(files)
}
