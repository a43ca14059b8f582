package corner

import (
	"math"

	"touchstone/hashindex"
)

// projection is a weighed sum of samples, of unit spread over the corners of many pictures. Single
// comparisons turn easily; what all samples say together lasts, so its sign makes a bit of the key.
type projection struct {
	odd     bool // its sign turns when the corner is mirrored
	offset  float32
	weights [pointCount]float32
}

// contrastOf is the mean of the samples and their standard deviation.
func contrastOf(samples *[pointCount]int32) (mean, contrast float32) {
	sum := int64(0)
	for _, s := range samples {
		sum += int64(s)
	}
	mean = float32(sum) / pointCount
	square := float32(0)
	for _, s := range samples {
		d := float32(s) - mean
		square += float32(d * d)
	}
	return mean, float32(math.Sqrt(float64(square / pointCount)))
}

// key projects the samples of a corner; the sign of each projection is a bit.
func key(samples *[pointCount]int32) (projected lanes) {
	_, contrast := contrastOf(samples)
	var values [pointCount]float32
	for i, s := range samples {
		values[i] = float32(s)
	}
	for i := range projections {
		projected[i] = float32(-projections[i].offset * contrast)
	}
	project(&projected, &values)
	return projected
}

// lanes are projections, and zeros to fill whole registers.
type lanes [24]float32

// weightsByPoint are the weights of all projections by sample.
var weightsByPoint = func() (w [pointCount]lanes) {
	for i := range projections {
		for j, weight := range projections[i].weights {
			w[j][i] = weight
		}
	}
	return w
}()

// projectPortable adds the weighed values to each sum, in their order.
func projectPortable(sums *lanes, values *[pointCount]float32) {
	for j, v := range values {
		w := &weightsByPoint[j]
		for i := range sums {
			sums[i] += float32(w[i] * v)
		}
	}
}

// putKey writes the key over the first bits of the descriptor, and that of the mirrored corner over
// those of its second half, and notes which bits are in doubt.
func putKey(samples *[pointCount]int32, k *hashindex.Keypoint) {
	var bits, odd uint64
	projected := key(samples)
	for i, v := range projected[:hashindex.KeyBits] {
		if v < 0 {
			bits |= 1 << i
		}
		if projections[i].odd {
			odd |= 1 << i
		}
	}
	const mask = 1<<hashindex.KeyBits - 1
	k.Descriptor[0] = k.Descriptor[0]&^mask | bits
	k.Descriptor[2] = k.Descriptor[2]&^mask | bits ^ odd
	doubts(&k.Doubts[0], (*[hashindex.KeyBits]float32)(projected[:]))
	k.Doubts[1] = k.Doubts[0]
}

// doubts lists the projections nearest to zero, nearest first, equally near ones as they come. Each is
// compared with all before it, and no comparison is a branch that would be guessed wrong half the time.
func doubts(list *[8]uint8, projected *[hashindex.KeyBits]float32) {
	var sizes, places [hashindex.KeyBits]uint32
	for i, d := range projected {
		sizes[i] = math.Float32bits(d) &^ (1 << 31) // in the order of sizes, and differences fit
		nearer := uint32(i)
		for j := range i {
			less := (sizes[i] - sizes[j]) >> 31
			nearer -= less
			places[j] += less
		}
		places[i] = nearer
	}
	for i, place := range places {
		if place < uint32(len(list)) {
			list[place] = uint8(i)
		}
	}
}
