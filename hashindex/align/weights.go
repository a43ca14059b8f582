package align

// weights are of the terms, the first alone, as `touchstone bench calibrate` fitted them to 661 right and 21,201
// wrong alignments of 13 attacks and untouched pictures (products, logos and works, half of them strangers, 24
// queries each): 654 right and no wrong one have 0.5 and more, and the highest wrong one 0.26. Fitted to one half
// of the scenes, 654 of the other half's right ones have 0.5 and more, and 5 wrong ones, all in one half.
var weights = [TermCount + 1]float64{-27.004, 12.078, 10.251, 0.990, 5.269, 1.945, -3.223, -2.719}
