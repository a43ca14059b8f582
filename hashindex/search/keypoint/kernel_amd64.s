#include "go_asm.h"
#include "textflag.h"

DATA eights<>+0(SB)/8, $0
DATA eights<>+8(SB)/8, $1
DATA eights<>+16(SB)/8, $2
DATA eights<>+24(SB)/8, $3
DATA eights<>+32(SB)/8, $4
DATA eights<>+40(SB)/8, $5
DATA eights<>+48(SB)/8, $6
DATA eights<>+56(SB)/8, $7
GLOBL eights<>(SB), RODATA, $64

// func askSignatures(at *uint64)
TEXT ·askSignatures(SB), NOSPLIT, $0-8
	MOVQ at+0(FP), AX
	PREFETCHT0 (AX)
	PREFETCHT0 64(AX)
	RET

// func askStarts(at *uint32)
TEXT ·askStarts(SB), NOSPLIT, $0-8
	MOVQ at+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func askPosting(at *posting)
TEXT ·askPosting(SB), NOSPLIT, $0-8
	MOVQ at+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func siftAVX512(signatures *uint64, n int, base uint32, want uint64, hits *uint32) int
TEXT ·siftAVX512(SB), NOSPLIT, $0-48
	MOVQ signatures+0(FP), SI
	MOVQ n+8(FP), CX
	MOVL base+16(FP), AX
	MOVQ hits+32(FP), DI
	MOVQ DI, R8
	VPBROADCASTQ want+24(FP), Z0
	VPBROADCASTQ AX, Z1
	VPADDQ eights<>(SB), Z1, Z1
	MOVL $8, AX
	VPBROADCASTQ AX, Z2
	MOVL $const_near, AX
	VPBROADCASTQ AX, Z3
	MOVL $0xff, AX
	KMOVW AX, K2

eight:
	CMPQ CX, $8
	JGE  whole
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K2

whole:
	VMOVDQU64.Z (SI), K2, Z4
	VPXORQ Z0, Z4, Z4
	VPOPCNTQ Z4, Z4
	VPCMPUQ $2, Z3, Z4, K2, K1
	KMOVW K1, DX
	TESTL DX, DX
	JZ   none
	VPSLLQ $const_hitBits, Z1, Z5
	VPORQ Z4, Z5, Z5
	VPCOMPRESSQ Z5, K1, Z5
	VPMOVQD Z5, Y5
	VMOVDQU Y5, (DI)
	POPCNTL DX, DX
	LEAQ (DI)(DX*4), DI

none:
	VPADDQ Z2, Z1, Z1
	ADDQ $64, SI
	SUBQ $8, CX
	JG   eight
	SUBQ R8, DI
	SHRQ $2, DI
	MOVQ DI, ret+40(FP)
	VZEROUPPER
	RET
