#include "textflag.h"

// The bits of a word are counted half a byte at a time, by looking them up in a register (W. Mula,
// N. Kurz and D. Lemire, "Faster Population Counts Using AVX2 Instructions", 2016). A difference of
// halves is the half of a difference, so a block is cut into halves once for all probes, and each
// probe once for the whole block.

DATA halves<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL halves<>(SB), RODATA|NOPTR, $8

// counts[x] is how many bits of x are set, for 0 to 15, twice.
DATA counts<>+0(SB)/8, $0x0302020102010100
DATA counts<>+8(SB)/8, $0x0403030203020201
DATA counts<>+16(SB)/8, $0x0302020102010100
DATA counts<>+24(SB)/8, $0x0403030203020201
GLOBL counts<>(SB), RODATA|NOPTR, $32

// SPLIT makes the lower and the upper halves of four words. Y15 selects.
#define SPLIT(words, lower, upper) \
	VMOVDQU words, upper; \
	VPAND   upper, Y15, lower; \
	VPSRLQ  $4, upper, upper; \
	VPAND   upper, Y15, upper

// COUNT makes, byte by byte, the number of bits by which halves differ from a probe's. Y14 counts.
#define COUNT(lower, upper, probeLower, probeUpper, sum, spare) \
	VPXOR   lower, probeLower, sum; \
	VPXOR   upper, probeUpper, spare; \
	VPSHUFB sum, Y14, sum; \
	VPSHUFB spare, Y14, spare; \
	VPADDB  sum, spare, sum

// WITHIN adds up the bytes of four words and sets a bit for each sum below Y12. Y13 is zero.
#define WITHIN(sum, bits) \
	VPSADBW   sum, Y13, sum; \
	VPCMPGTQ  sum, Y12, sum; \
	VMOVMSKPD sum, bits

// CUT writes the lower and the upper halves of CX words at (DI) to (R9).
#define CUT \
	MOVQ halves<>(SB), R10; \
cut: \
	MOVQ (DI), AX; \
	MOVQ AX, R11; \
	ANDQ R10, AX; \
	SHRQ $4, R11; \
	ANDQ R10, R11; \
	MOVQ AX, (R9); \
	MOVQ R11, 8(R9); \
	ADDQ $8, DI; \
	ADDQ $16, R9; \
	DECQ CX; \
	JNZ  cut

#define CONSTANTS \
	VPBROADCASTQ halves<>(SB), Y15; \
	VMOVDQU      counts<>(SB), Y14; \
	VPXOR        Y13, Y13, Y13; \
	MOVQ         radius+24(FP), AX; \
	INCQ         AX; \
	VMOVQ        AX, X12; \
	VPBROADCASTQ X12, Y12

// func near64AVX2(block, words *uint64, n, radius int, masks *uint64)
TEXT ·near64AVX2(SB), NOSPLIT, $128-40
	MOVQ words+8(FP), DI
	MOVQ n+16(FP), CX
	LEAQ cut-128(SP), R9
	CUT
	CONSTANTS
	MOVQ block+0(FP), SI
	MOVQ masks+32(FP), BX
	MOVQ $8, R8

eight:
	SPLIT(0(SI), Y0, Y1)
	SPLIT(32(SI), Y2, Y3)
	LEAQ cut-128(SP), DI
	MOVQ n+16(FP), CX
	MOVQ BX, DX

probe:
	VPBROADCASTQ 0(DI), Y4
	VPBROADCASTQ 8(DI), Y5
	COUNT(Y0, Y1, Y4, Y5, Y6, Y7)
	COUNT(Y2, Y3, Y4, Y5, Y8, Y9)
	WITHIN(Y6, AX)
	WITHIN(Y8, R10)
	SHLL $4, R10
	ORL  R10, AX
	MOVB AX, (DX)
	ADDQ $16, DI
	ADDQ $8, DX
	DECQ CX
	JNZ  probe

	ADDQ $64, SI
	INCQ BX
	DECQ R8
	JNZ  eight
	VZEROUPPER
	RET

// DIFFER counts, byte by byte, by how many bits halves in Y0..Y7 differ from a probe's half at
// (DI), for eight places of one plane, and adds to Y9 and Y10.
#define DIFFER(first, second, half) \
	VPBROADCASTQ half(DI), Y8; \
	VPXOR        first, Y8, Y11; \
	VPSHUFB      Y11, Y14, Y11; \
	VPADDB       Y11, Y9, Y9; \
	VPXOR        second, Y8, Y8; \
	VPSHUFB      Y8, Y14, Y8; \
	VPADDB       Y8, Y10, Y10

// MORE adds to sum the bits by which four words differ from the probe's word.
#define MORE(words, word, sum) \
	VPBROADCASTQ word, Y8; \
	VPXOR        words, Y8, Y8; \
	VPAND        Y8, Y15, Y11; \
	VPSHUFB      Y11, Y14, Y11; \
	VPADDB       Y11, sum, sum; \
	VPSRLQ       $4, Y8, Y8; \
	VPAND        Y8, Y15, Y8; \
	VPSHUFB      Y8, Y14, Y8; \
	VPADDB       Y8, sum, sum

// JUDGE sets AX to a bit for each of the eight places whose sum is within the radius.
#define JUDGE \
	VPSADBW   Y9, Y13, Y8; \
	VPSADBW   Y10, Y13, Y11; \
	VPCMPGTQ  Y8, Y12, Y8; \
	VPCMPGTQ  Y11, Y12, Y11; \
	VMOVMSKPD Y8, AX; \
	VMOVMSKPD Y11, R10; \
	SHLL      $4, R10; \
	ORL       R10, AX

// func near256AVX2(block, words *uint64, n, radius int, masks *uint64)
TEXT ·near256AVX2(SB), NOSPLIT, $512-40
	MOVQ words+8(FP), DI
	MOVQ n+16(FP), CX
	SHLQ $2, CX
	LEAQ cut-512(SP), R9
	CUT
	CONSTANTS
	MOVQ block+0(FP), SI
	MOVQ masks+32(FP), BX
	MOVQ $8, R8

eight:
	SPLIT(0(SI), Y0, Y1)
	SPLIT(32(SI), Y2, Y3)
	SPLIT(512(SI), Y4, Y5)
	SPLIT(544(SI), Y6, Y7)
	LEAQ cut-512(SP), DI
	MOVQ words+8(FP), R9
	MOVQ n+16(FP), CX
	MOVQ BX, DX

probe:
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	DIFFER(Y0, Y2, 0)
	DIFFER(Y1, Y3, 8)
	DIFFER(Y4, Y6, 16)
	DIFFER(Y5, Y7, 24)
	JUDGE
	TESTL AX, AX
	JNZ   rest

answer:
	MOVB AX, (DX)
	ADDQ $64, DI
	ADDQ $32, R9
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
	MORE(1024(SI), 16(R9), Y9)
	MORE(1056(SI), 16(R9), Y10)
	MORE(1536(SI), 24(R9), Y9)
	MORE(1568(SI), 24(R9), Y10)
	JUDGE
	JMP answer
