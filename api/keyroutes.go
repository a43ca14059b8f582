package api

import (
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/keys"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (s *Server) listKeys(c echo.Context) error {
	now := s.config.Now()
	return c.JSON(200, wire.Keys{Keys: converted(s.keys.List(), func(k keys.Key) wire.Key { return wireKey(k, now) })})
}

func (s *Server) createKey(c echo.Context) error {
	var asked wire.NewKey
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	n, err := newKey(asked)
	if err != nil {
		return err
	}
	if err := s.keepsADoorOpen(n); err != nil {
		return err
	}
	location := func(k keys.Key) string { return "/v1/keys/" + k.ID }
	made := func(k keys.Key, seq hashindex.Seq) any { // without the token, which is kept nowhere
		return wire.CreatedKey{Key: wireKey(k, s.config.Now()), Seq: uint64(seq)}
	}
	key, token, seq, err := s.keys.Create(c.Request().Context(), actor(c), n, keepMade(c, 201, location, made)...)
	if err != nil {
		return aboutKey(err)
	}
	c.Response().Header().Set("Location", location(key))
	return c.JSON(201, wire.CreatedKey{Key: wireKey(key, s.config.Now()), Token: token, Seq: uint64(seq)})
}

func newKey(asked wire.NewKey) (n keys.New, err error) {
	n = keys.New{
		Name: asked.Name, Collections: asked.Collections, Limits: keys.Limits{PerMinute: asked.RequestsPerMinute, AtOnce: asked.RequestsAtOnce},
		Rotates: asked.Rotates,
	}
	if len(asked.Scopes) > 0 || n.Rotates == "" {
		if n.Scopes, err = keys.ParseScopes(asked.Scopes); err != nil {
			return n, err
		}
	}
	if asked.Expires != nil {
		n.Expires = *asked.Expires
	}
	const longest = 10 * 365 * 24 * 3600
	if asked.OverlapSeconds < 0 || asked.OverlapSeconds > longest {
		return n, invalid("overlap_seconds", "%d is not within 0..%d", asked.OverlapSeconds, longest)
	}
	n.Overlap = time.Duration(asked.OverlapSeconds) * time.Second
	return n, nil
}

// keepsADoorOpen refuses a first key that could make no other: from the first on, keys are asked for.
func (s *Server) keepsADoorOpen(n keys.New) error {
	if s.config.Access != Trusted && s.keys.Empty() && (!n.Scopes.Allows(keys.Admin) || len(n.Collections) > 0) {
		return invalid("scopes", "the first key must have the scope admin, and no restriction to collections: once it is there, only it can make others")
	}
	return nil
}

func (s *Server) revokeKey(c echo.Context) error {
	seq, err := s.keys.Revoke(c.Request().Context(), actor(c), pathParameter(c, "id"))
	if err != nil {
		return aboutKey(err)
	}
	return c.JSON(200, wire.Removed{Seq: uint64(seq)})
}

func aboutKey(err error) error {
	if errors.Is(err, hashindex.ErrNotFound) {
		return fail(keyMissing, "%v", err)
	}
	return err
}

func wireKey(k keys.Key, now time.Time) wire.Key {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return wire.Key{
		ID: k.ID, Name: k.Name, Scopes: k.Scopes.Names(), Collections: k.Collections,
		RequestsPerMinute: k.Limits.PerMinute, RequestsAtOnce: k.Limits.AtOnce, Rotates: k.Rotates,
		Created: k.Created, Expires: moment(k.Expires), Revoked: moment(k.Revoked), LastUsed: moment(k.LastUsed),
		Usable: k.Usable(now),
	}
}
