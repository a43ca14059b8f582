#include "textflag.h"
#include "go_asm.h"

DATA toRed<>+0(SB)/8, $0x000166e9000166e9
DATA toRed<>+8(SB)/8, $0x000166e9000166e9
DATA toRed<>+16(SB)/8, $0x000166e9000166e9
DATA toRed<>+24(SB)/8, $0x000166e9000166e9
GLOBL toRed<>(SB), RODATA|NOPTR, $32
DATA blueToGreen<>+0(SB)/8, $0xffffa7e6ffffa7e6
DATA blueToGreen<>+8(SB)/8, $0xffffa7e6ffffa7e6
DATA blueToGreen<>+16(SB)/8, $0xffffa7e6ffffa7e6
DATA blueToGreen<>+24(SB)/8, $0xffffa7e6ffffa7e6
GLOBL blueToGreen<>(SB), RODATA|NOPTR, $32
DATA redToGreen<>+0(SB)/8, $0xffff492effff492e
DATA redToGreen<>+8(SB)/8, $0xffff492effff492e
DATA redToGreen<>+16(SB)/8, $0xffff492effff492e
DATA redToGreen<>+24(SB)/8, $0xffff492effff492e
GLOBL redToGreen<>(SB), RODATA|NOPTR, $32
DATA toBlue<>+0(SB)/8, $0x0001c5a20001c5a2
DATA toBlue<>+8(SB)/8, $0x0001c5a20001c5a2
DATA toBlue<>+16(SB)/8, $0x0001c5a20001c5a2
DATA toBlue<>+24(SB)/8, $0x0001c5a20001c5a2
GLOBL toBlue<>(SB), RODATA|NOPTR, $32
DATA half<>+0(SB)/8, $0x0000800000008000
DATA half<>+8(SB)/8, $0x0000800000008000
DATA half<>+16(SB)/8, $0x0000800000008000
DATA half<>+24(SB)/8, $0x0000800000008000
GLOBL half<>(SB), RODATA|NOPTR, $32
DATA full<>+0(SB)/8, $0x000000ff000000ff
DATA full<>+8(SB)/8, $0x000000ff000000ff
DATA full<>+16(SB)/8, $0x000000ff000000ff
DATA full<>+24(SB)/8, $0x000000ff000000ff
GLOBL full<>(SB), RODATA|NOPTR, $32
DATA parts299<>+0(SB)/8, $0x0000012b0000012b
DATA parts299<>+8(SB)/8, $0x0000012b0000012b
DATA parts299<>+16(SB)/8, $0x0000012b0000012b
DATA parts299<>+24(SB)/8, $0x0000012b0000012b
GLOBL parts299<>(SB), RODATA|NOPTR, $32
DATA parts587<>+0(SB)/8, $0x0000024b0000024b
DATA parts587<>+8(SB)/8, $0x0000024b0000024b
DATA parts587<>+16(SB)/8, $0x0000024b0000024b
DATA parts587<>+24(SB)/8, $0x0000024b0000024b
GLOBL parts587<>(SB), RODATA|NOPTR, $32
DATA parts114<>+0(SB)/8, $0x0000007200000072
DATA parts114<>+8(SB)/8, $0x0000007200000072
DATA parts114<>+16(SB)/8, $0x0000007200000072
DATA parts114<>+24(SB)/8, $0x0000007200000072
GLOBL parts114<>(SB), RODATA|NOPTR, $32
DATA thousandth<>+0(SB)/8, $0x3a83126f3a83126f
DATA thousandth<>+8(SB)/8, $0x3a83126f3a83126f
DATA thousandth<>+16(SB)/8, $0x3a83126f3a83126f
DATA thousandth<>+24(SB)/8, $0x3a83126f3a83126f
GLOBL thousandth<>(SB), RODATA|NOPTR, $32
DATA middle<>+0(SB)/8, $0x0080008000800080
DATA middle<>+8(SB)/8, $0x0080008000800080
DATA middle<>+16(SB)/8, $0x0080008000800080
DATA middle<>+24(SB)/8, $0x0080008000800080
GLOBL middle<>(SB), RODATA|NOPTR, $32

// BLEND makes 16 values of (3·near + far + rounding + more) / 16 - 128, at byte AX.
#define BLEND(near, far, y, t) \
	VMOVDQU (near)(AX*1), y \
	VPADDW y, y, t \
	VPADDW t, y, y \
	VPADDW (far)(AX*1), y, y \
	VPADDW Y15, y, y \
	VPSRAW $4, y, y \
	VPSUBW middle<>(SB), y, y

// CLAMP cuts off at 0 and 255. Y14 is 0.
#define CLAMP(y) \
	VPMAXSD Y14, y, y \
	VPMINSD Y13, y, y

// LUMA converts 8 samples: brightness at (SI), blue in X4, red in X5. The result goes to at(DI).
#define LUMA(at, from) \
	VPMOVZXBD from(SI), Y3 \
	VPMOVSXWD X4, Y4 \
	VPMOVSXWD X5, Y5 \
	VPMULLD toRed<>(SB), Y5, Y6 \
	VPADDD Y12, Y6, Y6 \
	VPSRAD $16, Y6, Y6 \
	VPADDD Y3, Y6, Y6 \
	VPMULLD blueToGreen<>(SB), Y4, Y7 \
	VPMULLD redToGreen<>(SB), Y5, Y8 \
	VPADDD Y8, Y7, Y7 \
	VPADDD Y12, Y7, Y7 \
	VPSRAD $16, Y7, Y7 \
	VPADDD Y3, Y7, Y7 \
	VPMULLD toBlue<>(SB), Y4, Y8 \
	VPADDD Y12, Y8, Y8 \
	VPSRAD $16, Y8, Y8 \
	VPADDD Y3, Y8, Y8 \
	CLAMP(Y6) \
	CLAMP(Y7) \
	CLAMP(Y8) \
	VPMULLD parts299<>(SB), Y6, Y6 \
	VPMULLD parts587<>(SB), Y7, Y7 \
	VPMULLD parts114<>(SB), Y8, Y8 \
	VPADDD Y7, Y6, Y6 \
	VPADDD Y8, Y6, Y6 \
	VCVTDQ2PS Y6, Y6 \
	VMULPS Y11, Y6, Y6 \
	VMOVUPS Y6, at(DI)

// func jpegLumaAVX2(out *float32, brightness *uint8, n int, chroma *blend)
TEXT ·jpegLumaAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ brightness+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ chroma+24(FP), DX
	MOVQ blend_near(DX), R8
	MOVQ blend_far(DX), R9
	MOVQ blend_rounding(DX), R10
	VPBROADCASTW blend_more(DX), Y10
	LEAQ chromaLine_red(R8), R11
	LEAQ chromaLine_red(R9), R12
	LEAQ chromaLine_blue(R8), R8
	LEAQ chromaLine_blue(R9), R9
	VMOVUPS thousandth<>(SB), Y11
	VMOVDQU half<>(SB), Y12
	VMOVDQU full<>(SB), Y13
	VPXOR Y14, Y14, Y14
	XORQ AX, AX

next16:
	VPADDW (R10)(AX*1), Y10, Y15
	BLEND(R8, R9, Y4, Y0)
	BLEND(R11, R12, Y5, Y1)
	VEXTRACTI128 $1, Y4, X1
	VEXTRACTI128 $1, Y5, X2
	LUMA(0, 0)
	VMOVDQA X1, X4
	VMOVDQA X2, X5
	LUMA(32, 8)
	ADDQ $32, AX
	ADDQ $16, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ next16
	VZEROUPPER
	RET
