package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/keys"
	"touchstone/hashindex"
)

// need is what a route asks of whoever calls it.
type need struct {
	public bool       // nothing
	scopes keys.Scope // one of these
	whole  bool       // a key that is not restricted to collections
}

// caller is who asks.
type caller struct {
	id          string // of the key, for the history; empty where nobody is asked for one
	scopes      keys.Scope
	whole       bool     // not restricted to
	collections []string // by name
}

// anybody is the caller where no key is asked for.
var anybody = caller{scopes: keys.Any, whole: true}

const callerKey = "caller"

// callerOf is nobody, who sees nothing, on a route that is public.
func callerOf(c echo.Context) caller {
	who, _ := c.Get(callerKey).(caller)
	return who
}

// actor is who asks, for the history.
func actor(c echo.Context) string { return callerOf(c).id }

func (w caller) sees(collection string) bool {
	return w.whole || slices.Contains(w.collections, collection)
}

// within is what the index may let the caller know of.
func (w caller) within() hashindex.Within {
	if w.whole {
		return nil
	}
	return append(hashindex.Within{}, w.collections...)
}

// admitted lets a request through whose key may call the route and has some of its quota left.
func (s *Server) admitted(r route) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if r.need.public {
			return next
		}
		return func(c echo.Context) error {
			who, leave, err := s.identify(c)
			if err != nil {
				return err
			}
			defer leave()
			if err := who.may(r.need); err != nil {
				return err
			}
			c.Set(callerKey, who)
			client := clientOf(c)
			under := s.requests.Claim(client)
			if err := hold(under, "requests", 1); err != nil {
				return err
			}
			defer under.Close()
			bodyOf(c.Request()).claim = s.memory.Claim(client)
			return next(c)
		}
	}
}

func (w caller) may(n need) error {
	if !w.scopes.Allows(n.scopes) {
		return fail(forbidden, "the key has the scopes %s; this takes one of %s", w.scopes, n.scopes|keys.Admin)
	}
	if n.whole && !w.whole {
		return fail(forbidden, "the key is restricted to collections; this takes one that is not")
	}
	return nil
}

// identify finds out who asks, and takes one request from the quota of the key. Without any key in the
// store everything is open, unless the configuration says otherwise.
func (s *Server) identify(c echo.Context) (who caller, leave func(), err error) {
	if s.config.Access == Trusted || s.config.Access == OpenWithoutKeys && s.keys.Empty() {
		return anybody, func() {}, nil
	}
	if err := s.checkWay(c); err != nil {
		return who, nil, err
	}
	token, err := bearer(c.Request())
	if err != nil {
		return who, nil, err
	}
	holder, err := s.keys.Identify(token)
	if errors.Is(err, keys.ErrRefused) {
		return who, nil, fail(unauthorized, "%v", err)
	}
	if err != nil {
		return who, nil, err
	}
	quota, leave, err := holder.Enter()
	showQuota(c.Response().Header(), quota)
	if over, ok := errors.AsType[*keys.OverLimit](err); ok {
		return who, nil, &failure{kind: rateLimited, detail: over.Error(), limit: over.Limit, max: int64(over.Max), after: over.After}
	}
	key := holder.Key()
	return caller{key.ID, key.Scopes, len(key.Collections) == 0, key.Collections}, leave, nil
}

// checkWay refuses a request that came past the proxies: a key must not travel where anybody can read it.
func (s *Server) checkWay(c echo.Context) error {
	if len(s.config.Proxies) == 0 || c.Request().TLS != nil {
		return nil
	}
	peer, err := netip.ParseAddrPort(c.Request().RemoteAddr)
	address := peer.Addr().Unmap()
	behind := func(p netip.Prefix) bool { return p.Contains(address) }
	if err == nil && (address.IsLoopback() || slices.ContainsFunc(s.config.Proxies, behind)) {
		return nil
	}
	return fail(forbidden, "this server is reached through its proxy only")
}

func bearer(r *http.Request) (token string, err error) {
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return "", fail(unauthorized, "no key given: send the header Authorization: Bearer KEY")
	}
	scheme, token, ok := strings.Cut(given[0], " ")
	if !ok || len(given) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", fail(unauthorized, "want one header Authorization: Bearer KEY")
	}
	return strings.TrimSpace(token), nil
}

// showQuota says what is left, in the fields of draft-ietf-httpapi-ratelimit-headers.
func showQuota(header http.Header, q keys.Quota) {
	if q.PerMinute == 0 {
		return
	}
	header.Set("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;w=60`, q.PerMinute))
	header.Set("RateLimit", fmt.Sprintf(`"key";r=%d;t=%d`, q.Remaining, seconds(q.Full)))
}

// seconds is rounded up: whoever comes back then is not too early.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// collection is the collection of that name, if the caller may know of it.
func (s *Server) collection(c echo.Context, name string) (info hashindex.CollectionInfo, err error) {
	if callerOf(c).sees(name) {
		info, err = s.index.Collection(name)
	} else {
		err = hashindex.ErrNotFound
	}
	if errors.Is(err, hashindex.ErrNotFound) {
		return info, fail(collectionMissing, "collection %.80q: %v", name, hashindex.ErrNotFound)
	}
	return info, err
}

// reference is the reference of that id, if the caller may know of it.
func (s *Server) reference(c echo.Context, id hashindex.ReferenceID) (hashindex.Reference, hashindex.Collection, error) {
	reference, collection, err := s.index.Reference(id)
	if err == nil && !callerOf(c).sees(collection.Name) {
		err = hashindex.ErrNotFound
	}
	if errors.Is(err, hashindex.ErrNotFound) {
		err = noReference(wireID(id))
	}
	return reference, collection, err
}

func noReference(id string) error {
	return fail(referenceMissing, "reference %.40q: %v", id, hashindex.ErrNotFound)
}
