#include "textflag.h"

// func weighAVX2(sums *uint32, row *uint8, n int, weight uint32)
TEXT ·weighAVX2(SB), NOSPLIT, $0-28
	MOVQ sums+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ n+16(FP), CX
	MOVL weight+24(FP), AX
	MOVQ AX, X4
	VPBROADCASTD X4, Y4

next16:
	VPMOVZXBD (SI), Y0
	VPMOVZXBD 8(SI), Y1
	VPMULLD Y4, Y0, Y0
	VPMULLD Y4, Y1, Y1
	VPADDD (DI), Y0, Y0
	VPADDD 32(DI), Y1, Y1
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $16, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ next16
	VZEROUPPER
	RET
