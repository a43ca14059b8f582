#include "textflag.h"

// Sixteen places are compared at a time: V20 to V27 hold, for two places each, how many bits of
// each byte differ.

DATA bits<>+0(SB)/8, $0x8040201008040201
DATA bits<>+8(SB)/8, $0x8040201008040201
GLOBL bits<>(SB), RODATA|NOPTR, $16

#define LOAD(at) \
	VLD1.P 64(at), [V0.B16, V1.B16, V2.B16, V3.B16]; \
	VLD1.P 64(at), [V4.B16, V5.B16, V6.B16, V7.B16]

#define COUNT(word, x, into) \
	VEOR word.B16, x.B16, x.B16; \
	VCNT x.B16, into.B16

#define COUNTALL(word) \
	COUNT(word, V0, V20); \
	COUNT(word, V1, V21); \
	COUNT(word, V2, V22); \
	COUNT(word, V3, V23); \
	COUNT(word, V4, V24); \
	COUNT(word, V5, V25); \
	COUNT(word, V6, V26); \
	COUNT(word, V7, V27)

#define COUNTMORE(word, x, into) \
	COUNT(word, x, x); \
	VADD x.B16, into.B16, into.B16

#define COUNTALLMORE(word) \
	COUNTMORE(word, V0, V20); \
	COUNTMORE(word, V1, V21); \
	COUNTMORE(word, V2, V22); \
	COUNTMORE(word, V3, V23); \
	COUNTMORE(word, V4, V24); \
	COUNTMORE(word, V5, V25); \
	COUNTMORE(word, V6, V26); \
	COUNTMORE(word, V7, V27)

// MASK sets a bit of R9 for each place whose distance is at most V28's. A distance of 256 counts as 255:
// its two halves are added after the one is cut to what the other leaves below that.
#define MASK \
	VADDP V21.B16, V20.B16, V20.B16; \
	VADDP V23.B16, V22.B16, V22.B16; \
	VADDP V25.B16, V24.B16, V24.B16; \
	VADDP V27.B16, V26.B16, V26.B16; \
	VADDP V22.B16, V20.B16, V20.B16; \
	VADDP V26.B16, V24.B16, V24.B16; \
	VUZP1 V24.B16, V20.B16, V21.B16; \
	VUZP2 V24.B16, V20.B16, V22.B16; \
	VEOR  V22.B16, V30.B16, V23.B16; \
	VUMIN V21.B16, V23.B16, V23.B16; \
	VADD  V22.B16, V23.B16, V23.B16; \
	VUMIN V23.B16, V28.B16, V24.B16; \
	VCMEQ V23.B16, V24.B16, V24.B16; \
	VAND  V29.B16, V24.B16, V24.B16; \
	VADDP V24.B16, V24.B16, V24.B16; \
	VADDP V24.B16, V24.B16, V24.B16; \
	VADDP V24.B16, V24.B16, V24.B16; \
	VMOV  V24.H[0], R9

#define CONSTANTS \
	MOVD radius+24(FP), R3; \
	VDUP R3, V28.B16; \
	MOVD $bits<>(SB), R5; \
	VLD1 (R5), [V29.B16]; \
	VCMEQ V30.B16, V30.B16, V30.B16

// func near64NEON(block, words *uint64, n, radius int, masks *uint64)
TEXT ·near64NEON(SB), NOSPLIT, $0-40
	MOVD block+0(FP), R0
	MOVD words+8(FP), R1
	MOVD n+16(FP), R2
	MOVD masks+32(FP), R4
	CONSTANTS

probe:
	MOVD.P 8(R1), R5
	VDUP R5, V16.D2
	MOVD R0, R6
	MOVD $0, R7 // places done
	MOVD $0, R8 // their mask

places:
	LOAD(R6)
	COUNTALL(V16)
	MASK
	LSL  R7, R9, R9
	ORR  R9, R8, R8
	ADD  $16, R7, R7
	CMP  $64, R7
	BLT  places
	MOVD.P R8, 8(R4)
	SUBS $1, R2, R2
	BNE  probe
	RET

// func near256NEON(block, words *uint64, n, radius int, masks *uint64)
TEXT ·near256NEON(SB), NOSPLIT, $0-40
	MOVD block+0(FP), R0
	MOVD words+8(FP), R1
	MOVD n+16(FP), R2
	MOVD masks+32(FP), R4
	CONSTANTS

probe:
	MOVD.P 8(R1), R5
	VDUP R5, V16.D2
	MOVD.P 8(R1), R5
	VDUP R5, V17.D2
	MOVD.P 8(R1), R5
	VDUP R5, V18.D2
	MOVD.P 8(R1), R5
	VDUP R5, V19.D2
	MOVD R0, R6
	MOVD $0, R7 // places done
	MOVD $0, R8 // their mask

places:
	MOVD R6, R10
	LOAD(R10)
	COUNTALL(V16)
	ADD  $512, R6, R10 // the second words of all, and so on
	LOAD(R10)
	COUNTALLMORE(V17)
	ADD  $1024, R6, R10
	LOAD(R10)
	COUNTALLMORE(V18)
	ADD  $1536, R6, R10
	LOAD(R10)
	COUNTALLMORE(V19)
	MASK
	LSL  R7, R9, R9
	ORR  R9, R8, R8
	ADD  $128, R6, R6
	ADD  $16, R7, R7
	CMP  $64, R7
	BLT  places
	MOVD.P R8, 8(R4)
	SUBS $1, R2, R2
	BNE  probe
	RET
