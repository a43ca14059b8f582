#include "textflag.h"

// Byte j of a probe's mask is the answer for places 8j..8j+7: one register of eight words.

// func near64AVX512(block, words *uint64, n, radius int, masks *uint64)
TEXT ·near64AVX512(SB), NOSPLIT, $0-40
	MOVQ block+0(FP), SI
	MOVQ words+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ radius+24(FP), AX
	MOVQ masks+32(FP), DX
	VPBROADCASTQ AX, Z31

	// The block stays in Z0..Z7 for all probes.
	VMOVDQU64 0(SI), Z0
	VMOVDQU64 64(SI), Z1
	VMOVDQU64 128(SI), Z2
	VMOVDQU64 192(SI), Z3
	VMOVDQU64 256(SI), Z4
	VMOVDQU64 320(SI), Z5
	VMOVDQU64 384(SI), Z6
	VMOVDQU64 448(SI), Z7

probe:
	VPBROADCASTQ (DI), Z30
	VPXORQ Z0, Z30, Z8
	VPXORQ Z1, Z30, Z9
	VPXORQ Z2, Z30, Z10
	VPXORQ Z3, Z30, Z11
	VPXORQ Z4, Z30, Z12
	VPXORQ Z5, Z30, Z13
	VPXORQ Z6, Z30, Z14
	VPXORQ Z7, Z30, Z15
	VPOPCNTQ Z8, Z8
	VPOPCNTQ Z9, Z9
	VPOPCNTQ Z10, Z10
	VPOPCNTQ Z11, Z11
	VPOPCNTQ Z12, Z12
	VPOPCNTQ Z13, Z13
	VPOPCNTQ Z14, Z14
	VPOPCNTQ Z15, Z15
	VPCMPQ $2, Z31, Z8, K1 // count <= radius
	VPCMPQ $2, Z31, Z9, K2 // count <= radius
	VPCMPQ $2, Z31, Z10, K3 // count <= radius
	VPCMPQ $2, Z31, Z11, K4 // count <= radius
	KMOVB K1, 0(DX)
	KMOVB K2, 1(DX)
	KMOVB K3, 2(DX)
	KMOVB K4, 3(DX)
	VPCMPQ $2, Z31, Z12, K1 // count <= radius
	VPCMPQ $2, Z31, Z13, K2 // count <= radius
	VPCMPQ $2, Z31, Z14, K3 // count <= radius
	VPCMPQ $2, Z31, Z15, K4 // count <= radius
	KMOVB K1, 4(DX)
	KMOVB K2, 5(DX)
	KMOVB K3, 6(DX)
	KMOVB K4, 7(DX)
	ADDQ $8, DI
	ADDQ $8, DX
	DECQ CX
	JNZ  probe
	VZEROUPPER
	RET

// func near256AVX512(block, words *uint64, n, radius int, masks *uint64)
TEXT ·near256AVX512(SB), NOSPLIT, $0-40
	MOVQ block+0(FP), SI
	MOVQ radius+24(FP), AX
	MOVQ masks+32(FP), BX
	VPBROADCASTQ AX, Z31
	MOVQ $8, R8

eight:
	MOVQ words+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ BX, DX
	VMOVDQU64 0(SI), Z0
	VMOVDQU64 512(SI), Z1

probe:
	VPXORQ.BCST 0(DI), Z0, Z4
	VPXORQ.BCST 8(DI), Z1, Z5
	VPOPCNTQ Z4, Z4
	VPOPCNTQ Z5, Z5
	VPADDQ Z4, Z5, Z4
	VPCMPQ $2, Z31, Z4, K1
	KORTESTB K1, K1
	JNZ  rest

answer:
	KMOVB K1, (DX)
	ADDQ $32, DI
	ADDQ $8, DX
	DECQ CX
	JNZ  probe
	ADDQ $64, SI
	INCQ BX
	DECQ R8
	JNZ  eight
	VZEROUPPER
	RET

rest:
	VMOVDQU64 1024(SI), Z2
	VMOVDQU64 1536(SI), Z3
	VPXORQ.BCST 16(DI), Z2, Z2
	VPXORQ.BCST 24(DI), Z3, Z3
	VPOPCNTQ Z2, Z2
	VPOPCNTQ Z3, Z3
	VPADDQ Z2, Z3, Z2
	VPADDQ Z2, Z4, Z4
	VPCMPQ $2, Z31, Z4, K1
	JMP  answer

// func prefetchLines(words *uint64, lines int)
TEXT ·prefetchLines(SB), NOSPLIT, $0-16
	MOVQ words+0(FP), SI
	MOVQ lines+8(FP), CX

line:
	PREFETCHT0 (SI)
	ADDQ $64, SI
	DECQ CX
	JNZ  line
	RET
