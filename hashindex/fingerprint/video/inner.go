package video

import "image"

// What is taken for a border: lines from the edge on whose pixels differ by no more than borderNoise from
// the first line's mean, if together they are at least a twentieth of the side, and what they leave at least
// two fifths.
const borderNoise = 14

// inner is what lies inside a plain border, as of a letterbox; false where there is none.
func inner(picture *image.Gray) (*image.Gray, bool) {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	row := func(y, x int) uint8 { return picture.Pix[y*picture.Stride+x] }
	column := func(x, y int) uint8 { return picture.Pix[y*picture.Stride+x] }
	top, bottom := border(height, width, row)
	left, right := border(width, height, column)
	cut := top+bottom >= height/20 || left+right >= width/20
	if !cut || height-top-bottom < height*2/5 || width-left-right < width*2/5 {
		return nil, false
	}
	// A copy, as what hashes pictures has their origin at 0,0.
	in := image.NewGray(image.Rect(0, 0, width-left-right, height-top-bottom))
	for y := range in.Rect.Dy() {
		copy(in.Pix[y*in.Stride:][:in.Stride], picture.Pix[(y+top)*picture.Stride+left:])
	}
	return in, true
}

// border counts the plain lines at either end.
func border(lines, length int, at func(line, n int) uint8) (first, last int) {
	count := func(from, step int) (n int) {
		level := -1
		for ; n < lines*2/5; n++ {
			mean, plain := plainLine(length, func(i int) uint8 { return at(from+n*step, i) })
			if level < 0 {
				level = mean
			}
			if !plain || max(mean-level, level-mean) > borderNoise {
				break
			}
		}
		return n
	}
	return count(0, 1), count(lines-1, -1)
}

// plainLine is the mean of a line of pixels, every fourth looked at, and whether they are all about that.
func plainLine(length int, at func(int) uint8) (mean int, plain bool) {
	low, high, sum, n := 255, 0, 0, 0
	for i := 0; i < length; i += 4 {
		v := int(at(i))
		low, high, sum, n = min(low, v), max(high, v), sum+v, n+1
	}
	return sum / n, high-low <= 2*borderNoise
}
