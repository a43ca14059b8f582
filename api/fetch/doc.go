// Package fetch reaches what clients name by a URL, and nothing else than what they may name: http
// and https on ports 80 and 443 of public addresses. A server that fetches for others is otherwise a
// door into the network that it stands in (server-side request forgery).
//
// The boundary is the address that is dialled, not the text of the URL. A name is resolved once; each
// address that it has must be allowed, and the connection goes to one of those very addresses, so that
// a name which answers otherwise the second time gains nothing (DNS rebinding). Each redirect is a new
// URL that is judged from the start. In front of it stands the text: user info, zones, IPv4 addresses
// written in any way but the common one, and hosts that are no names are refused unresolved.
//
// Proxies of the environment are never asked, no cookie is kept, and a body is read up to its limit
// whatever its header says.
package fetch
