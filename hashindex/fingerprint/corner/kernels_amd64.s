#include "textflag.h"
#include "go_asm.h"

DATA tens<>+0(SB)/8, $0x0a0a0a0a0a0a0a0a
GLOBL tens<>(SB), RODATA|NOPTR, $8

DATA ones<>+0(SB)/8, $0x0101010101010101
GLOBL ones<>(SB), RODATA|NOPTR, $8

DATA wideOnes<>+0(SB)/8, $0x0001000100010001
GLOBL wideOnes<>(SB), RODATA|NOPTR, $8

// seven keeps seven words of eight.
DATA seven<>+0(SB)/8, $0xffffffffffffffff
DATA seven<>+8(SB)/8, $0x0000ffffffffffff
GLOBL seven<>(SB), RODATA|NOPTR, $16

// firstTwo makes words of the first two bytes of each four.
DATA firstTwo<>+0(SB)/8, $0x8005800480018000
DATA firstTwo<>+8(SB)/8, $0x800d800c80098008
GLOBL firstTwo<>(SB), RODATA|NOPTR, $16

DATA half<>+0(SB)/4, $0x00200000
GLOBL half<>(SB), RODATA|NOPTR, $4

// The circle around 32 pixels: rows -3 to 3 are AX, BX, CX, DX, SI, DI and R8.
#define P0  0(AX)(R11*1)
#define P1  1(AX)(R11*1)
#define P2  2(BX)(R11*1)
#define P3  3(CX)(R11*1)
#define P4  3(DX)(R11*1)
#define P5  3(SI)(R11*1)
#define P6  2(DI)(R11*1)
#define P7  1(R8)(R11*1)
#define P8  0(R8)(R11*1)
#define P9  -1(R8)(R11*1)
#define P10 -2(DI)(R11*1)
#define P11 -3(SI)(R11*1)
#define P12 -3(DX)(R11*1)
#define P13 -3(CX)(R11*1)
#define P14 -2(BX)(R11*1)
#define P15 -1(AX)(R11*1)

// OVER stores by how much a place of the circle is brighter than Y14, UNDER by how much darker than Y13.
#define OVER(place, k) \
	VMOVDQU  place, Y0; \
	VPSUBUSB Y14, Y0, Y0; \
	VMOVDQU  Y0, 32*k(R12)

#define UNDER(place, k) \
	VPSUBUSB place, Y13, Y0; \
	VMOVDQU  Y0, 32*k(R12)

// OPPOSITE takes two opposite places: Y1 is the least of the brighter ones, Y2 the most of the darker.
#define OPPOSITE(one, other) \
	VMOVDQU one, Y3; \
	VMOVDQU other, Y4; \
	VPMAXUB Y3, Y4, Y5; \
	VPMINUB Y3, Y4, Y6; \
	VPMINUB Y5, Y1, Y1; \
	VPMAXUB Y6, Y2, Y2

#define TWO(k, next, least) \
	VMOVDQU 32*k(R12), least; \
	VPMINUB 32*next(R12), least, least

// ENDS adds to Y10 the least of eight in a row and of the better of the places at their ends.
#define ENDS(before, after, least) \
	VMOVDQU 32*before(R12), Y8; \
	VPMAXUB 32*after(R12), Y8, Y8; \
	VPMINUB Y8, least, least; \
	VPMAXUB least, Y10, Y10

// NINE makes Y10 the most, over all nine in a row of the 16 differences, of the least of them: it is
// zero but where none of nine in a row is.
#define NINE \
	TWO(1, 2, Y0); \
	TWO(3, 4, Y1); \
	TWO(5, 6, Y2); \
	TWO(7, 8, Y3); \
	TWO(9, 10, Y4); \
	TWO(11, 12, Y5); \
	TWO(13, 14, Y6); \
	TWO(15, 0, Y7); \
	VMOVDQA Y0, Y8; \
	VPMINUB Y1, Y0, Y0; \
	VPMINUB Y2, Y1, Y1; \
	VPMINUB Y3, Y2, Y2; \
	VPMINUB Y4, Y3, Y3; \
	VPMINUB Y5, Y4, Y4; \
	VPMINUB Y6, Y5, Y5; \
	VPMINUB Y7, Y6, Y6; \
	VPMINUB Y8, Y7, Y7; \
	VMOVDQA Y0, Y8; \
	VMOVDQA Y1, Y9; \
	VPMINUB Y2, Y0, Y0; \
	VPMINUB Y3, Y1, Y1; \
	VPMINUB Y4, Y2, Y2; \
	VPMINUB Y5, Y3, Y3; \
	VPMINUB Y6, Y4, Y4; \
	VPMINUB Y7, Y5, Y5; \
	VPMINUB Y8, Y6, Y6; \
	VPMINUB Y9, Y7, Y7; \
	VPXOR   Y10, Y10, Y10; \
	ENDS(0, 9, Y0); \
	ENDS(2, 11, Y1); \
	ENDS(4, 13, Y2); \
	ENDS(6, 15, Y3); \
	ENDS(8, 1, Y4); \
	ENDS(10, 3, Y5); \
	ENDS(12, 5, Y6); \
	ENDS(14, 7, Y7)

#define ADDTWO(k, next) \
	VMOVDQU    32*k(R12), Y2; \
	VMOVDQU    32*next(R12), Y3; \
	VPUNPCKLBW Y3, Y2, Y4; \
	VPUNPCKHBW Y3, Y2, Y5; \
	VPMADDUBSW Y9, Y4, Y4; \
	VPMADDUBSW Y9, Y5, Y5; \
	VPADDW     Y4, Y0, Y0; \
	VPADDW     Y5, Y1, Y1

// ADDUP adds to Y11 and Y12 the sums of the differences where Y10 is not zero.
#define ADDUP \
	VPBROADCASTQ ones<>(SB), Y9; \
	VPXOR        Y0, Y0, Y0; \
	VPXOR        Y1, Y1, Y1; \
	VPXOR        Y6, Y6, Y6; \
	ADDTWO(0, 1); \
	ADDTWO(2, 3); \
	ADDTWO(4, 5); \
	ADDTWO(6, 7); \
	ADDTWO(8, 9); \
	ADDTWO(10, 11); \
	ADDTWO(12, 13); \
	ADDTWO(14, 15); \
	VPCMPEQB     Y6, Y10, Y10; \
	VPUNPCKLBW   Y10, Y10, Y2; \
	VPUNPCKHBW   Y10, Y10, Y3; \
	VPANDN       Y0, Y2, Y2; \
	VPANDN       Y1, Y3, Y3; \
	VPOR         Y2, Y11, Y11; \
	VPOR         Y3, Y12, Y12

// func segmentsAVX2(pix *uint8, stride, blocks int, scores *uint16)
TEXT ·segmentsAVX2(SB), NOSPLIT, $512-32
	MOVQ pix+0(FP), DX
	MOVQ stride+8(FP), R13
	MOVQ blocks+16(FP), R10
	MOVQ scores+24(FP), R9
	LEAQ differences-512(SP), R12
	MOVQ DX, CX
	SUBQ R13, CX
	MOVQ CX, BX
	SUBQ R13, BX
	MOVQ BX, AX
	SUBQ R13, AX
	LEAQ (DX)(R13*1), SI
	LEAQ (SI)(R13*1), DI
	LEAQ (DI)(R13*1), R8
	XORQ R11, R11
	VPBROADCASTQ tens<>(SB), Y15

block:
	VMOVDQU  (DX)(R11*1), Y0
	VPADDUSB Y15, Y0, Y14
	VPSUBUSB Y15, Y0, Y13
	VPXOR    Y11, Y11, Y11
	VPXOR    Y12, Y12, Y12
	VPCMPEQB Y1, Y1, Y1
	VPXOR    Y2, Y2, Y2
	OPPOSITE(P0, P8)
	OPPOSITE(P4, P12)
	OPPOSITE(P2, P10)
	OPPOSITE(P6, P14)
	VPSUBUSB Y14, Y1, Y1
	VPSUBUSB Y2, Y13, Y7
	VPTEST   Y1, Y1
	JZ       dark
	OVER(P0, 0)
	OVER(P1, 1)
	OVER(P2, 2)
	OVER(P3, 3)
	OVER(P4, 4)
	OVER(P5, 5)
	OVER(P6, 6)
	OVER(P7, 7)
	OVER(P8, 8)
	OVER(P9, 9)
	OVER(P10, 10)
	OVER(P11, 11)
	OVER(P12, 12)
	OVER(P13, 13)
	OVER(P14, 14)
	OVER(P15, 15)
	VMOVDQA  Y7, Y14
	NINE
	VMOVDQA  Y14, Y7
	VPTEST   Y10, Y10
	JZ       dark
	ADDUP

dark:
	VPTEST Y7, Y7
	JZ     write
	UNDER(P0, 0)
	UNDER(P1, 1)
	UNDER(P2, 2)
	UNDER(P3, 3)
	UNDER(P4, 4)
	UNDER(P5, 5)
	UNDER(P6, 6)
	UNDER(P7, 7)
	UNDER(P8, 8)
	UNDER(P9, 9)
	UNDER(P10, 10)
	UNDER(P11, 11)
	UNDER(P12, 12)
	UNDER(P13, 13)
	UNDER(P14, 14)
	UNDER(P15, 15)
	NINE
	VPTEST Y10, Y10
	JZ     write
	ADDUP

write:
	VPERM2I128 $0x20, Y12, Y11, Y0
	VPERM2I128 $0x31, Y12, Y11, Y1
	VMOVDQU    Y0, (R9)
	VMOVDQU    Y1, 32(R9)
	ADDQ $64, R9
	ADDQ $32, R11
	DECQ R10
	JNZ  block
	VZEROUPPER
	RET

// PEAK marks in out the scores at that many bytes that no neighbour outdoes.
#define PEAK(at, out) \
	VMOVDQU  at(DI), Y0; \
	VMOVDQU  at-2(SI), Y1; \
	VPMAXSW  at(SI), Y1, Y1; \
	VPMAXSW  at+2(SI), Y1, Y1; \
	VPMAXSW  at-2(DI), Y1, Y1; \
	VMOVDQU  at+2(DI), Y2; \
	VPMAXSW  at-2(DX), Y2, Y2; \
	VPMAXSW  at(DX), Y2, Y2; \
	VPMAXSW  at+2(DX), Y2, Y2; \
	VPCMPGTW Y1, Y0, Y1; \
	VPCMPGTW Y0, Y2, Y2; \
	VPANDN   Y1, Y2, out

// func marksAVX2(above, here, below *uint16, blocks int, masks *uint32)
TEXT ·marksAVX2(SB), NOSPLIT, $0-40
	MOVQ above+0(FP), SI
	MOVQ here+8(FP), DI
	MOVQ below+16(FP), DX
	MOVQ blocks+24(FP), CX
	MOVQ masks+32(FP), BX

peak:
	PEAK(0, Y3)
	PEAK(32, Y4)
	VPACKSSWB Y4, Y3, Y3
	VPERMQ    $0xd8, Y3, Y3
	VPMOVMSKB Y3, AX
	MOVL AX, (BX)
	ADDQ $64, SI
	ADDQ $64, DI
	ADDQ $64, DX
	ADDQ $4, BX
	DECQ CX
	JNZ  peak
	VZEROUPPER
	RET

// func gradientsAVX2(pix *uint8, stride int, sums *[3]int32)
TEXT ·gradientsAVX2(SB), NOSPLIT, $0-24
	MOVQ pix+0(FP), SI
	MOVQ stride+8(FP), BX
	MOVQ sums+16(FP), DI
	MOVQ BX, AX
	SHLQ $2, AX
	SUBQ AX, SI
	VMOVDQU seven<>(SB), X15
	VPXOR X12, X12, X12
	VPXOR X13, X13, X13
	VPXOR X14, X14, X14
	VPXOR X3, X3, X3
	VPXOR X4, X4, X4
	VPXOR X5, X5, X5
	VPXOR X6, X6, X6
	MOVQ $9, CX

// A row's differences across are in X0 and its sums in X1; those of the two rows above in X3, X4 and X5, X6.
gradient:
	VPMOVZXBW -4(SI), X0
	VPMOVZXBW -3(SI), X1
	VPMOVZXBW -2(SI), X2
	VPADDW X1, X1, X1
	VPADDW X0, X1, X1
	VPADDW X2, X1, X1
	VPSUBW X0, X2, X0
	VPAND  X15, X0, X0
	VPAND  X15, X1, X1
	CMPQ   CX, $7
	JHI    next
	VPADDW X5, X5, X7
	VPADDW X3, X7, X7
	VPADDW X0, X7, X7
	VPSUBW X4, X1, X8
	VPMADDWD X7, X7, X9
	VPMADDWD X8, X8, X10
	VPMADDWD X7, X8, X11
	VPADDD X9, X12, X12
	VPADDD X10, X13, X13
	VPADDD X11, X14, X14

next:
	VMOVDQA X5, X3
	VMOVDQA X6, X4
	VMOVDQA X0, X5
	VMOVDQA X1, X6
	ADDQ BX, SI
	DECQ CX
	JNZ  gradient
	VPHADDD X13, X12, X12
	VPHADDD X14, X14, X14
	VPHADDD X14, X12, X12
	VMOVQ   X12, (DI)
	VPEXTRD $2, X12, 8(DI)
	RET

// func momentsAVX2(pix *uint8, stride int, disc *[16]discRow) (mx, my int)
TEXT ·momentsAVX2(SB), NOSPLIT, $0-40
	MOVQ pix+0(FP), SI
	MOVQ stride+8(FP), DX
	MOVQ disc+16(FP), BX
	SUBQ $16, SI
	MOVQ DX, AX
	SHLQ $4, AX
	SUBQ DX, AX
	LEAQ (SI)(AX*1), DI
	SUBQ AX, SI
	VPBROADCASTQ wideOnes<>(SB), Y15
	VPXOR Y14, Y14, Y14
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	MOVQ $15, CX

// Rows come from the outermost inwards: what is summed again after each counts once for every row.
rows:
	VMOVDQU (SI), Y0
	VMOVDQU (DI), Y1
	VMOVDQU (BX), Y2
	VMOVDQU 32(BX), Y3
	VPMADDUBSW Y2, Y0, Y4
	VPMADDUBSW Y2, Y1, Y5
	VPADDW   Y4, Y5, Y4
	VPMADDWD Y15, Y4, Y4
	VPADDD   Y4, Y8, Y8
	VPAND    Y3, Y0, Y0
	VPAND    Y3, Y1, Y1
	VPSADBW  Y14, Y0, Y0
	VPSADBW  Y14, Y1, Y1
	VPSUBQ   Y0, Y1, Y1
	VPADDQ   Y1, Y9, Y9
	VPADDQ   Y9, Y10, Y10
	ADDQ DX, SI
	SUBQ DX, DI
	ADDQ $64, BX
	DECQ CX
	JNZ  rows

	VMOVDQU (SI), Y0
	VPMADDUBSW (BX), Y0, Y0
	VPMADDWD Y15, Y0, Y0
	VPADDD   Y0, Y8, Y8
	VEXTRACTI128 $1, Y8, X0
	VPADDD   X0, X8, X8
	VPHADDD  X8, X8, X8
	VPHADDD  X8, X8, X8
	VMOVD    X8, AX
	MOVLQSX  AX, AX
	MOVQ     AX, mx+24(FP)
	VEXTRACTI128 $1, Y10, X0
	VPADDQ   X0, X10, X10
	VPSHUFD  $0x4e, X10, X0
	VPADDQ   X0, X10, X10
	VMOVQ    X10, AX
	MOVQ     AX, my+32(FP)
	VZEROUPPER
	RET

// func blendAVX2(out, a, b *uint8, c *columns, part uint32, eights int)
TEXT ·blendAVX2(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), R8
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVQ eights+40(FP), CX
	MOVL part+32(FP), AX
	VMOVD AX, X15
	VPBROADCASTD X15, Y15
	NEGL AX
	ADDL $2048, AX
	VMOVD AX, X14
	VPBROADCASTD X14, Y14
	VPBROADCASTD half<>(SB), Y13
	VBROADCASTI128 firstTwo<>(SB), Y12

eight:
	VMOVDQU (DX), Y0
	VMOVDQU columns_weights(DX), Y1
	VPCMPEQD Y2, Y2, Y2
	VPCMPEQD Y3, Y3, Y3
	VPGATHERDD Y2, (SI)(Y0*1), Y4
	VPGATHERDD Y3, (DI)(Y0*1), Y5
	VPSHUFB  Y12, Y4, Y4
	VPSHUFB  Y12, Y5, Y5
	VPMADDWD Y1, Y4, Y4
	VPMADDWD Y1, Y5, Y5
	VPMULLD  Y14, Y4, Y4
	VPMULLD  Y15, Y5, Y5
	VPADDD   Y13, Y4, Y4
	VPADDD   Y5, Y4, Y4
	VPSRLD   $22, Y4, Y4
	VEXTRACTI128 $1, Y4, X5
	VPACKUSDW X5, X4, X4
	VPACKUSWB X4, X4, X4
	VMOVQ X4, (R8)
	ADDQ $8, R8
	ADDQ $32, DX
	DECQ CX
	JNZ  eight
	VZEROUPPER
	RET

// func projectAVX2(sums *lanes, values *[pointCount]float32, weights *[pointCount]lanes)
TEXT ·projectAVX2(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), DI
	MOVQ values+8(FP), SI
	MOVQ weights+16(FP), BX
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS 64(DI), Y2
	MOVQ $const_pointCount, CX

// Products are rounded before they are added, as in Go.
value:
	VBROADCASTSS (SI), Y3
	VMULPS (BX), Y3, Y4
	VMULPS 32(BX), Y3, Y5
	VMULPS 64(BX), Y3, Y6
	VADDPS Y4, Y0, Y0
	VADDPS Y5, Y1, Y1
	VADDPS Y6, Y2, Y2
	ADDQ $4, SI
	ADDQ $96, BX
	DECQ CX
	JNZ  value
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VZEROUPPER
	RET

// func integrateAVX2(out, above *uint32, row *uint8, eights int)
TEXT ·integrateAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ above+8(FP), SI
	MOVQ row+16(FP), DX
	MOVQ eights+24(FP), CX
	VPXOR Y5, Y5, Y5

// Y5 is the sum of the row so far, eight times.
sums:
	VPMOVZXBD  (DX), Y0
	VPSLLDQ    $4, Y0, Y1
	VPADDD     Y1, Y0, Y0
	VPSLLDQ    $8, Y0, Y1
	VPADDD     Y1, Y0, Y0
	VPERM2I128 $0x08, Y0, Y0, Y1
	VPSHUFD    $0xff, Y1, Y1
	VPADDD     Y1, Y0, Y0
	VPERM2I128 $0x11, Y0, Y0, Y2
	VPSHUFD    $0xff, Y2, Y2
	VPADDD     Y5, Y0, Y0
	VPADDD     (SI), Y0, Y0
	VPADDD     Y2, Y5, Y5
	VMOVDQU    Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $8, DX
	DECQ CX
	JNZ  sums
	VZEROUPPER
	RET

// GATHER reads the sums at eight places.
#define GATHER(at, out) \
	VPCMPEQD   Y15, Y15, Y15; \
	VPGATHERDD Y15, (SI)(at*4), out

// func squaresAVX2(sums *uint32, width int, points *turnedPoints, squares *squareSizes, samples *[sampleLanes]int32)
TEXT ·squaresAVX2(SB), NOSPLIT, $0-40
	MOVQ sums+0(FP), SI
	MOVQ width+8(FP), AX
	MOVQ points+16(FP), BX
	MOVQ squares+24(FP), DX
	MOVQ samples+32(FP), DI
	VMOVD AX, X14
	VPBROADCASTD X14, Y14
	MOVQ $const_sampleLanes, CX

points:
	VPMOVSXBD turnedPoints_x(BX), Y0
	VPMOVSXBD turnedPoints_y(BX), Y1
	VMOVDQU   squareSizes_half(DX), Y2
	VPADDD    Y2, Y2, Y3
	VPSUBD    Y2, Y0, Y0
	VPSUBD    Y2, Y1, Y1
	VPCMPEQD  Y4, Y4, Y4
	VPSUBD    Y4, Y3, Y3
	VPMULLD   Y14, Y1, Y1
	VPADDD    Y0, Y1, Y0
	VPADDD    Y3, Y0, Y1
	VPMULLD   Y14, Y3, Y4
	VPADDD    Y4, Y0, Y2
	VPADDD    Y4, Y1, Y3
	GATHER(Y0, Y4)
	GATHER(Y1, Y5)
	GATHER(Y2, Y6)
	GATHER(Y3, Y7)
	VPSUBD    Y6, Y7, Y7
	VPSUBD    Y5, Y7, Y7
	VPADDD    Y4, Y7, Y7
	VPMULLD   squareSizes_weight(DX), Y7, Y7
	VMOVDQU   Y7, (DI)
	ADDQ $8, BX
	ADDQ $32, DX
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  points
	VZEROUPPER
	RET

// func compareAVX2(samples *[pointCount]int32, pairs *pairColumns, words *hashindex.Descriptor)
TEXT ·compareAVX2(SB), NOSPLIT, $0-24
	MOVQ samples+0(FP), SI
	MOVQ pairs+8(FP), BX
	MOVQ words+16(FP), DI
	MOVQ $32, CX

compare:
	VPMOVZXBD pairColumns_first(BX), Y0
	VPMOVZXBD pairColumns_second(BX), Y1
	GATHER(Y0, Y2)
	GATHER(Y1, Y3)
	VPSUBD    Y3, Y2, Y2
	VMOVMSKPS Y2, AX
	MOVB AX, (DI)
	ADDQ $8, BX
	INCQ DI
	DECQ CX
	JNZ  compare
	VZEROUPPER
	RET
