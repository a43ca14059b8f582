package fetch

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxURL bounds a URL: no longer one is fetched.
const maxURL = 4 << 10

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// parse reads a URL that may be fetched as far as its text can tell. Its host comes back in ASCII.
func parse(text string) (*url.URL, error) {
	switch {
	case len(text) > maxURL:
		return nil, refuse("it is longer than %d bytes", maxURL)
	case !utf8.ValidString(text):
		return nil, refuse("it is not UTF-8")
	case strings.ContainsAny(text, "\\ \t\r\n"):
		// Browsers read a backslash as a slash and drop tabs and line ends: what two programs read
		// differently, one of them judges wrongly.
		return nil, refuse("it holds a space or a backslash")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, refuse("it is no URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, refuse("its scheme is not http or https")
	case u.User != nil:
		return nil, refuse("it holds user info")
	case u.Opaque != "" || u.Host == "":
		return nil, refuse("it names no host")
	}
	host, err := parseHost(u.Hostname(), strings.HasPrefix(u.Host, "["))
	if err != nil {
		return nil, err
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	u.Host, u.Fragment, u.RawFragment = host, "", ""
	return u, nil
}

// parseHost is the host as it stands in a URL: [IPv6], IPv4 or a name in ASCII.
func parseHost(host string, brackets bool) (string, error) {
	if brackets {
		ip, err := netip.ParseAddr(host)
		if err != nil || !ip.Is6() || ip.Is4In6() || ip.Zone() != "" {
			return "", refuse("its host is no plain IPv6 address")
		}
		return "[" + ip.String() + "]", nil
	}
	if !utf8.ValidString(host) { // by percent escapes
		return "", refuse("its host is no UTF-8")
	}
	name, err := profile.ToASCII(host)
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if err != nil || !isName(name) {
		return "", refuse("its host is no name of the Internet")
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; isNumber(last) {
		ip, err := netip.ParseAddr(name)
		if err != nil {
			return "", refuse("its host is an IPv4 address in an uncommon form")
		}
		return ip.String(), nil
	}
	return name, nil
}

// profile maps a host as browsers do (UTS 46), among it wide digits and the other full stops. It
// leaves underscores alone: hosts of pictures have them.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true), idna.CheckHyphens(false), idna.StrictDomainName(false), idna.Transitional(false))

// isName reports whether the text is labels of letters, digits, hyphens and underscores.
func isName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// isNumber reports whether some program reads a label as a number: decimal, octal or hexadecimal.
// No top-level domain looks like that, so a host that ends so is meant as an address.
func isNumber(label string) bool {
	if rest, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(rest, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
