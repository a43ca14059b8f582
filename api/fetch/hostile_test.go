package fetch_test

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// hostile are URLs that lead, by some reading of them, to this machine or its network; PORT stands for
// the trap's.
func hostile() (all []string) {
	for _, host := range hostileHosts() {
		all = append(all, "http://"+host+":PORT/")
	}
	return append(all, hostileTexts...)
}

func hostileHosts() (all []string) {
	for _, ip := range append([]string{"127.0.0.1", "127.9.8.7", "0.0.0.0"}, ownAddress()...) {
		all = append(all, spellings(ip)...)
	}
	for _, ip := range []string{"10.1.2.3", "100.64.0.1", "100.100.100.200", "169.254.169.254", "172.16.5.4", "192.168.1.1", "192.0.0.192", "168.63.129.16", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.9"} {
		all = append(all, ip, wide(ip), "[::ffff:"+ip+"]")
	}
	for _, ip := range []string{
		"::1", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0001", "0::1", "::0.0.0.1", "::",
		"::127.0.0.1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::FFFF:7F00:0001", "0:0:0:0:0:ffff:127.0.0.1",
		"::ffff:0:127.0.0.1", "::ffff:0.0.0.0", // mapped and translated
		"64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::127.0.0.1", "64:ff9b:1:7f00:0:100::", // NAT64
		"2002:7f00:1::", "2002:7f00:0001::1", "2002:a9fe:a9fe::", // 6to4
		"2001::7f00:1", "2001:0:7f00:1::80ff:fffe", // Teredo
		"2a00:1450:4001:800::5efe:7f00:1", "2a00:1450:4001:800:0:5efe:127.0.0.1", "2a00:1450:4001:800:200:5efe:127.0.0.1", "fe80::5efe:127.0.0.1", // ISATAP
		"fe80::1", "fe80::1%25lo", "fe80::1%25eth0", "::1%25lo", "::1%25", "::1%2525lo", "::1%lo", "2a00:1450:4001:800::1%25lo", // zones
		"fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "100::1", "2001:db8::1", "2001:2::1", "2001:10::1", "2001:20::1", "3ffe::1", "3fff::1", "5f00::1", "4000::1", "e000::1",
		"::1.", "[::1]", "::1]:80@[::1", "0x7f.1", "127.0.0.1", "localhost", "", ":", "1::2::3", "12345::",
	} {
		all = append(all, "["+ip+"]")
	}
	return append(all,
		"localhost", "LOCALHOST", "LocalHost.", "localhost.localdomain", "a.localhost", "ip6-localhost", "ip6-loopback", "metadata", "metadata.google.internal",
		"localtest.me", "127.0.0.1.nip.io", "7f000001.nip.io", "spoofed.example", "xn--spoofed.example", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ", "loc\u00adalhost", "loca\u200dlhost", "ſpoofed.example",
		"%6c%6f%63alhost", "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "127.0.0.1%00.example", "127.0.0.1%0a.example", "%ef%bc%91%ef%bc%92%ef%bc%97.0.0.1", "\xff", "%ff", "localhost\xff", "\xc0\xae127.1",
		"..", ".", "-", "a..b", ".localhost", "127.0.0.1..", "127..0.1", ".127.0.0.1", "1.2.3", "1.2.3.4.5", "256.256.256.256", "127.0.0.1e0", "+127.0.0.1", "127.0.0.0x", "0x", "0b1111111.0.0.1",
		strings.Repeat("a", 64)+".example", strings.Repeat("a.", 130)+"example", "local host", "localhost,127.0.0.1", "localhost;", "*", "!", "$(localhost)", "localhost'", "loca<lhost",
	)
}

// spellings are ways to write an IPv4 address that some program reads.
func spellings(text string) (all []string) {
	ip := netip.MustParseAddr(text).As4()
	formats := []string{"%d", "0%o", "0000%o", "0x%x", "0X%X", "0x%08x"}
	for _, parts := range [][]uint32{
		{be(ip[:])}, {uint32(ip[0]), be(ip[1:])}, {uint32(ip[0]), uint32(ip[1]), be(ip[2:])}, {uint32(ip[0]), uint32(ip[1]), uint32(ip[2]), uint32(ip[3])},
	} {
		for i, format := range formats {
			var alike, mixed []string
			for n, part := range parts {
				alike = append(alike, fmt.Sprintf(format, part))
				mixed = append(mixed, fmt.Sprintf(formats[(i+n)%len(formats)], part))
			}
			all = append(all, strings.Join(alike, "."))
			if len(parts) > 1 {
				all = append(all, strings.Join(mixed, "."))
			}
		}
	}
	for _, dot := range []string{"。", "．", "｡", "%E3%80%82"} {
		all = append(all, strings.ReplaceAll(text, ".", dot))
	}
	return append(all, text+".", text+"。", wide(text), strings.ReplaceAll(wide(text), ".", "。"), strings.NewReplacer("1", "①", "2", "②", "7", "⑦").Replace(text), strings.NewReplacer("0", "𝟎", "1", "𝟏").Replace(text), strings.NewReplacer("0", "⁰", "1", "¹").Replace(text))
}

func be(b []byte) (n uint32) {
	for _, each := range b {
		n = n<<8 | uint32(each)
	}
	return n
}

func wide(text string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, text)
}

// ownAddress is one of this machine's that is not loopback, where it has any.
func ownAddress() []string {
	all, _ := net.InterfaceAddrs()
	for _, each := range all {
		if p, err := netip.ParsePrefix(each.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return []string{p.Addr().String()}
		}
	}
	return nil
}

var hostileTexts = []string{
	"http://user@127.0.0.1:PORT/", "http://user:secret@127.0.0.1:PORT/", "http://@127.0.0.1:PORT/", "http://spoofed.example@127.0.0.1:PORT/", "http://127.0.0.1:PORT@spoofed.example:PORT/",
	"http://spoofed.example%40127.0.0.1:PORT/", "http://spoofed.example:PORT#@127.0.0.1:PORT/", "http://spoofed.example:PORT?@127.0.0.1:PORT/", "http://spoofed.example\\@127.0.0.1:PORT/", "http://127.0.0.1:PORT\\@spoofed.example/",
	"http:\\\\127.0.0.1:PORT\\", "http:/\\127.0.0.1:PORT/", "http:///127.0.0.1:PORT/", "http:127.0.0.1:PORT", "http:/127.0.0.1:PORT", "//127.0.0.1:PORT/", "127.0.0.1:PORT", "localhost:PORT", "/", "", "http://", "http:", "?", "#",
	"http://127.0.0.1\t:PORT/", "ht\ttp://127.0.0.1:PORT/", "http://127.0.0.1:PORT/\r\nX: y", "\nhttp://127.0.0.1:PORT/", " http://127.0.0.1:PORT/", "http://127.0.0.1\x00:PORT/", "http://127.0.0.1 :PORT/",
	"HTTP://127.0.0.1:PORT/", "hTTp://LOCALHOST:PORT/", "https://127.0.0.1:PORT/", "https://[::1]:PORT/", "http://127.0.0.1:0PORT/", "http://127.0.0.1:+PORT/", "http://127.0.0.1:%50ORT/", "http://127.0.0.1:", "http://127.0.0.1:PORT:80/", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/",
	"http://spoofed.example:22/", "http://spoofed.example:0/", "http://spoofed.example:6379/", "http://spoofed.example:65535/",
	"file:///etc/passwd", "file://127.0.0.1:PORT/x", "ftp://127.0.0.1:PORT/", "gopher://127.0.0.1:PORT/_x", "dict://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/", "tftp://127.0.0.1:PORT/", "ws://127.0.0.1:PORT/", "jar:http://127.0.0.1:PORT!/", "data:text/plain,x", "javascript:0", "unix:/run/x.sock", "http+unix://%2Frun%2Fx.sock/", "about:blank", "view-source:http://127.0.0.1:PORT/", "url:http://127.0.0.1:PORT/", "httpx://127.0.0.1:PORT/", "http ://127.0.0.1:PORT/",
	"http://" + strings.Repeat("x", 5000) + "@127.0.0.1:PORT/", "http://127.0.0.1:PORT/" + strings.Repeat("x", 5000),
}

// lenient is what the laxest of resolvers makes of a name: every number is an address, however it is
// written, and every other name means this machine.
func lenient(name string) netip.Addr {
	parts := strings.Split(strings.TrimSuffix(name, "."), ".")
	var n uint64
	for i, part := range parts {
		value, err := strconv.ParseUint(part, 0, 32)
		if err != nil || len(parts) > 4 {
			return netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		if i == len(parts)-1 {
			n |= value
		} else {
			n |= value << (24 - 8*i)
		}
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
