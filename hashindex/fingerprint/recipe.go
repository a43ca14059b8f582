package fingerprint

import "touchstone/hashindex"

// Recipe names how this package makes fingerprints (I4). What moves a bit of any hash needs a new
// recipe; the golden vectors in testdata and the reference vectors of package pdq stand guard.
//
//   - decoders, all at full size: jpegn v0.6.1 for JPEG, of which package jpegplanes is a faster
//     equal; the standard library of Go 1.26 for PNG and GIF; golang.org/x/image v0.47.0 for WebP,
//     BMP and TIFF; gen2brain/avif v0.6.0 and heic v0.7.2, as WebAssembly, for AVIF and HEIC
//   - normaliser: EXIF orientation; transparency over white; chroma interpolated linearly and
//     colours rounded to 8 bits as libjpeg and libwebp do; luma 0.299 R + 0.587 G + 0.114 B; the
//     nearest 512×512 samples of a picture with a longer side
//   - pdq: package pdq over that plane
//   - phash, dhash, ahash: as goimagehash v1.1.0 makes them of that plane averaged down to at most 128×128
//
// History:
//   - t1: the first.
const Recipe hashindex.Recipe = "t1"
