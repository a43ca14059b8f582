#include "textflag.h"

// What these kernels add to their portable twins are requests for memory: an instruction that asks
// for a cache line retires at once, while a load holds up all that follow until it is answered.

DATA halves<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL halves<>(SB), RODATA|NOPTR, $8
DATA ones<>+0(SB)/8, $0x0101010101010101
GLOBL ones<>(SB), RODATA|NOPTR, $8

// counts[x] is how many bits of x are set, for 0 to 15, twice.
DATA counts<>+0(SB)/8, $0x0302020102010100
DATA counts<>+8(SB)/8, $0x0403030203020201
DATA counts<>+16(SB)/8, $0x0302020102010100
DATA counts<>+24(SB)/8, $0x0403030203020201
GLOBL counts<>(SB), RODATA|NOPTR, $32

#define CONSTANTS \
	VPBROADCASTQ halves<>(SB), Y15; \
	VMOVDQU      counts<>(SB), Y14; \
	VPBROADCASTQ ones<>(SB), Y13

// LIMIT sets the words of Y12 to one more than may differ, given a mask in AX and spare+1 in limit.
#define LIMIT(limit, spare) \
	POPCNTL AX, AX; \
	MOVL    limit, spare; \
	SUBL    AX, spare; \
	VMOVD   spare, X12; \
	VPBROADCASTW X12, Y12

// WITHIN sets each of sixteen pieces that differ from Y11 in fewer bits than Y12 says to ones, and
// the others to zeros.
#define WITHIN(pieces, x, spare) \
	VPXOR      pieces, Y11, x; \
	VPAND      x, Y15, spare; \
	VPSRLW     $4, x, x; \
	VPAND      x, Y15, x; \
	VPSHUFB    spare, Y14, spare; \
	VPSHUFB    x, Y14, x; \
	VPADDB     x, spare, x; \
	VPMADDUBSW Y13, x, x; \
	VPCMPGTW   x, Y12, x

// BITS sets a bit of AX for each of those thirty-two.
#define BITS \
	VPACKSSWB Y2, Y0, Y0; \
	VPERMQ    $0xd8, Y0, Y0; \
	VPMOVMSKB Y0, AX

// func askStarts(starts *uint32, own int, masks *uint16, n int)
TEXT ·askStarts(SB), NOSPLIT, $0-32
	MOVQ starts+0(FP), SI
	MOVQ own+8(FP), R8
	MOVQ masks+16(FP), DI
	MOVQ n+24(FP), CX

key:
	MOVWLZX (DI), AX
	XORL R8, AX
	PREFETCHT0 (SI)(AX*4)
	ADDQ $2, DI
	DECQ CX
	JNZ  key
	RET

// func locateAsking(starts *uint32, pieces *uint16, own int, masks *uint16, n int, spans *span) (postings int)
TEXT ·locateAsking(SB), NOSPLIT, $0-56
	MOVQ starts+0(FP), SI
	MOVQ pieces+8(FP), DI
	MOVQ own+16(FP), R8
	MOVQ masks+24(FP), R9
	MOVQ n+32(FP), CX
	MOVQ spans+40(FP), R10
	XORL R11, R11

key:
	MOVWLZX (R9), AX
	XORL R8, AX
	MOVQ (SI)(AX*4), BX    // a start and the next are a span
	MOVQ BX, (R10)
	MOVL BX, AX
	SHRQ $32, BX
	LEAQ (DI)(AX*2), R12
	LEAQ -1(DI)(BX*2), R13 // its last byte
	SUBQ AX, BX
	ADDQ BX, R11
	PREFETCHT0 (R12)
	PREFETCHT0 (R13)
	CMPQ BX, $32
	JHI  lines

next:
	ADDQ $2, R9
	ADDQ $8, R10
	DECQ CX
	JNZ  key
	MOVQ R11, postings+48(FP)
	RET

lines:
	ADDQ $64, R12
	CMPQ R12, R13
	JHS  next
	PREFETCHT0 (R12)
	JMP  lines

// func siftAVX2(pieces *uint16, places *uint32, spans *span, masks *uint16, n, after, spare int, hits *uint32, room int) (done, hit int)
//
// It goes by cache lines, from the one that the span begins in, and so reads none but those that
// locate has asked for: pieces that stand before the span or behind it are told apart by their bits.
TEXT ·siftAVX2(SB), NOSPLIT, $0-88
	MOVQ pieces+0(FP), SI
	MOVQ places+8(FP), R13
	MOVQ spans+16(FP), DI
	MOVQ masks+24(FP), R14
	MOVQ n+32(FP), CX
	MOVQ after+40(FP), AX
	VMOVD AX, X11
	VPBROADCASTW X11, Y11
	MOVQ hits+56(FP), DX
	MOVQ room+64(FP), R12
	SUBQ $32, R12
	XORL R11, R11
	CONSTANTS

span:
	MOVWLZX (R14), AX
	MOVQ spare+48(FP), R10
	INCQ R10
	LIMIT(R10, BX)
	MOVL 0(DI), R8
	MOVL 4(DI), R9
	CMPL R8, R9
	JHS  done
	LEAQ (SI)(R8*2), R10
	MOVL R10, BX
	SHRL $1, BX
	ANDL $31, BX // pieces of the line that stand before the span
	ANDQ $-64, R10
	SUBL BX, R8
	MOVL $-1, R15
	SHLXL BX, R15, R15 // of the span

line:
	CMPQ R11, R12
	JGT  full
	WITHIN(0(R10), Y0, Y1)
	WITHIN(32(R10), Y2, Y3)
	BITS
	ANDL R15, AX
	MOVL R9, BX
	SUBL R8, BX
	CMPL BX, $32
	JHI  whole
	BZHIL BX, AX, AX
	TESTL AX, AX
	JNZ  hit
	JMP  done

whole:
	TESTL AX, AX
	JNZ  hit

next:
	MOVL $-1, R15
	ADDQ $64, R10
	ADDL $32, R8
	CMPL R8, R9
	JLT  line // as signed numbers: the first line may begin before the table

done:
	ADDQ $8, DI
	ADDQ $2, R14
	DECQ CX
	JNZ  span
	JMP  return

full:
	TZCNTL R15, R15
	ADDL R15, R8
	MOVL R8, 0(DI)

return:
	MOVQ n+32(FP), AX
	SUBQ CX, AX
	MOVQ AX, done+72(FP)
	MOVQ R11, hit+80(FP)
	VZEROUPPER
	RET

hit:
	TZCNTL AX, BX
	ADDL R8, BX
	MOVL BX, (DX)(R11*4)
	PREFETCHT0 (R13)(BX*4)
	INCQ R11
	BLSRL AX, AX
	JNZ  hit
	JMP  next

// func placeAsking(places *uint32, records *uint64, recordBytes int, hits *uint32, n int)
TEXT ·placeAsking(SB), NOSPLIT, $0-40
	MOVQ places+0(FP), SI
	MOVQ records+8(FP), DI
	MOVQ recordBytes+16(FP), R8
	MOVQ hits+24(FP), R9
	MOVQ n+32(FP), CX

hit:
	MOVL (R9), AX
	MOVL (SI)(AX*4), AX
	MOVL AX, (R9)
	IMULQ R8, AX
	ADDQ DI, AX
	PREFETCHT0 (AX)
	PREFETCHT0 -1(AX)(R8*1)
	ADDQ $4, R9
	DECQ CX
	JNZ  hit
	RET

// func judge256AVX2(records *uint64, places *uint32, n int, words *uint64, own, pair *int16, radius, piece int, distances *uint32) (kept int)
TEXT ·judge256AVX2(SB), NOSPLIT, $0-80
	MOVQ records+0(FP), SI
	MOVQ places+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ words+24(FP), AX
	VMOVDQU (AX), Y12
	MOVQ own+32(FP), AX
	VMOVDQU (AX), Y11
	MOVQ pair+40(FP), AX
	VMOVDQU (AX), Y10
	MOVQ radius+48(FP), R8
	MOVQ piece+56(FP), R9
	SHLQ $1, R9 // as the first piece's first byte
	MOVQ distances+64(FP), DX
	MOVQ DI, R10 // where the next one kept goes
	XORL R11, R11
	VPXOR Y9, Y9, Y9
	CONSTANTS

place:
	MOVL (DI), AX
	MOVQ AX, BX
	SHLQ $6, BX
	VPXOR   (SI)(BX*1), Y12, Y0
	VPAND   Y0, Y15, Y1
	VPSRLW  $4, Y0, Y0
	VPAND   Y0, Y15, Y0
	VPSHUFB Y1, Y14, Y1
	VPSHUFB Y0, Y14, Y0
	VPADDB  Y0, Y1, Y0
	VPSADBW Y0, Y9, Y1 // the distance, in four parts
	VEXTRACTI128 $1, Y1, X2
	VPADDQ  X1, X2, X1
	VPSRLDQ $8, X1, X2
	VPADDQ  X1, X2, X1
	VMOVD   X1, R12
	VPMADDUBSW Y13, Y0, Y0         // the distance in each piece
	VPERM2I128 $1, Y0, Y0, Y1
	VPALIGNR   $2, Y0, Y1, Y1      // and in the piece after it
	VPADDW     Y0, Y1, Y1
	VPCMPGTW   Y0, Y11, Y0
	VPCMPGTW   Y1, Y10, Y1
	VPAND      Y0, Y1, Y0
	VPMOVMSKB  Y0, BX
	MOVL AX, (R10)(R11*4)          // kept or overwritten: most are not, in no order that a branch would learn
	MOVL R12, (DX)(R11*4)
	TZCNTL BX, BX
	CMPL   BX, R9
	SETEQ  AX
	CMPL   R12, R8
	SETLS  BX
	ANDL   BX, AX
	MOVBLZX AX, AX
	ADDQ   AX, R11
	ADDQ $4, DI
	DECQ CX
	JNZ  place
	MOVQ R11, kept+72(FP)
	VZEROUPPER
	RET

// func judge64AVX2(records *uint64, places *uint32, n int, words *uint64, own, pair *int16, radius, piece int, distances *uint32) (kept int)
TEXT ·judge64AVX2(SB), NOSPLIT, $0-80
	MOVQ records+0(FP), SI
	MOVQ places+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ words+24(FP), AX
	MOVQ (AX), R13
	MOVQ own+32(FP), AX
	VMOVQ (AX), X11
	MOVQ pair+40(FP), AX
	VMOVQ (AX), X10
	MOVQ radius+48(FP), R8
	MOVQ piece+56(FP), R9
	SHLQ $1, R9 // as the first piece's first byte
	MOVQ distances+64(FP), DX
	MOVQ DI, R10 // where the next one kept goes
	XORL R11, R11
	CONSTANTS

place:
	MOVL (DI), AX
	LEAQ (AX)(AX*2), BX
	MOVQ (SI)(BX*8), BX
	XORQ R13, BX
	VMOVQ BX, X0
	POPCNTQ BX, R12
	VPAND      X0, X15, X1
	VPSRLW     $4, X0, X0
	VPAND      X0, X15, X0
	VPSHUFB    X1, X14, X1
	VPSHUFB    X0, X14, X0
	VPADDB     X0, X1, X0
	VPMADDUBSW X13, X0, X0    // the distance in each piece
	VPSHUFLW   $0x39, X0, X1  // and in the piece after it
	VPADDW     X0, X1, X1
	VPCMPGTW   X0, X11, X0
	VPCMPGTW   X1, X10, X1
	VPAND      X0, X1, X0
	VPMOVMSKB  X0, BX
	MOVL AX, (R10)(R11*4)     // likewise
	MOVL R12, (DX)(R11*4)
	TZCNTL BX, BX
	CMPL   BX, R9
	SETEQ  AX
	CMPL   R12, R8
	SETLS  BX
	ANDL   BX, AX
	MOVBLZX AX, AX
	ADDQ   AX, R11
	ADDQ $4, DI
	DECQ CX
	JNZ  place
	MOVQ R11, kept+72(FP)
	VZEROUPPER
	RET
