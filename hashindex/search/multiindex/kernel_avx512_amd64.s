#include "textflag.h"

// The kernels that count bits most, again for processors that count those of words in one instruction.

// after[i] is the piece that follows piece i.
DATA after<>+0(SB)/8, $0x0004000300020001
DATA after<>+8(SB)/8, $0x0008000700060005
DATA after<>+16(SB)/8, $0x000c000b000a0009
DATA after<>+24(SB)/8, $0x0000000f000e000d
GLOBL after<>(SB), RODATA|NOPTR, $32

// func siftAVX512(pieces *uint16, places *uint32, spans *span, masks *uint16, n, after, spare int, hits *uint32, room int) (done, hit int)
TEXT ·siftAVX512(SB), NOSPLIT, $0-88
	MOVQ pieces+0(FP), SI
	MOVQ places+8(FP), R13
	MOVQ spans+16(FP), DI
	MOVQ masks+24(FP), R14
	MOVQ n+32(FP), CX
	MOVQ after+40(FP), AX
	VPBROADCASTW AX, Z11
	MOVQ hits+56(FP), DX
	MOVQ room+64(FP), R12
	SUBQ $32, R12
	XORL R11, R11

span:
	MOVWLZX (R14), AX
	POPCNTL AX, AX
	MOVQ spare+48(FP), R10
	SUBL AX, R10
	VPBROADCASTW R10, Z12
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
	VPXORD   (R10), Z11, Z0
	VPOPCNTW Z0, Z0
	VPCMPW   $2, Z12, Z0, K1
	KMOVD    K1, AX
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

// func judge256AVX512(records *uint64, places *uint32, n int, words *uint64, own, pair *int16, radius, piece int, distances *uint32) (kept int)
TEXT ·judge256AVX512(SB), NOSPLIT, $0-80
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
	MOVQ distances+64(FP), DX
	MOVQ DI, R10 // where the next one kept goes
	XORL R11, R11
	VPXOR Y9, Y9, Y9
	VMOVDQU after<>(SB), Y8

place:
	MOVL (DI), AX
	MOVQ AX, BX
	SHLQ $6, BX
	VPXOR    (SI)(BX*1), Y12, Y0
	VPOPCNTW Y0, Y0        // the distance in each piece
	VPSADBW  Y0, Y9, Y1    // all of it, in four parts
	VEXTRACTI128 $1, Y1, X2
	VPADDQ   X1, X2, X1
	VPSRLDQ  $8, X1, X2
	VPADDQ   X1, X2, X1
	VMOVD    X1, R12
	VPERMW   Y0, Y8, Y1    // and in the piece after it
	VPADDW   Y0, Y1, Y1
	VPCMPW   $1, Y11, Y0, K1
	VPCMPW   $1, Y10, Y1, K1, K2
	KMOVD    K2, BX
	MOVL AX, (R10)(R11*4)  // kept or overwritten: most are not, in no order that a branch would learn
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
