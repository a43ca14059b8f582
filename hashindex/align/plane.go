package align

import "touchstone/hashindex"

// octaves are a picture and its halvings, made when they are first needed.
type octaves []hashindex.Luma

// at is the picture halved n times, or as often as leaves it 24 pixels.
func (o *octaves) at(n int) *hashindex.Luma {
	for len(*o) <= n && min((*o)[len(*o)-1].Width, (*o)[len(*o)-1].Height) >= 48 {
		*o = append(*o, halved((*o)[len(*o)-1]))
	}
	return &(*o)[min(n, len(*o)-1)]
}

func halved(l hashindex.Luma) hashindex.Luma {
	out := hashindex.Luma{Width: l.Width / 2, Height: l.Height / 2, Pix: make([]uint8, l.Width/2*(l.Height/2))}
	for y := range out.Height {
		upper, lower := l.Pix[2*y*l.Width:][:l.Width], l.Pix[(2*y+1)*l.Width:][:l.Width]
		row := out.Pix[y*out.Width:][:out.Width]
		for x := range row {
			row[x] = uint8((uint32(upper[2*x]) + uint32(upper[2*x+1]) + uint32(lower[2*x]) + uint32(lower[2*x+1]) + 2) >> 2)
		}
	}
	return out
}

// sample interpolates at a place in pixels, whose centres are at halves; false outside.
func sample(l *hashindex.Luma, x, y float32) (float32, bool) {
	if !(x >= 0 && y >= 0 && x <= float32(l.Width) && y <= float32(l.Height)) {
		return 0, false
	}
	x, y = min(max(x-0.5, 0), float32(l.Width-1)), min(max(y-0.5, 0), float32(l.Height-1))
	i, j := int(x), int(y)
	right, down := min(i+1, l.Width-1), min(j+1, l.Height-1)
	fx, fy := x-float32(i), y-float32(j)
	upper, lower := l.Pix[j*l.Width:][:l.Width], l.Pix[down*l.Width:][:l.Width]
	top := float32(upper[i]) + fx*(float32(upper[right])-float32(upper[i]))
	bottom := float32(lower[i]) + fx*(float32(lower[right])-float32(lower[i]))
	return top + fy*(bottom-top), true
}
