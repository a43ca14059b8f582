// Package api serves an index over HTTP. The contract is openapi.yaml, which the tests hold equal
// to what the server does: routes, shapes, problems and examples.
//
//	server, err := api.New(api.Config{Index: index, Fingerprint: fingerprint.New(fingerprint.Limits{}), Casework: desk})
//	listener, err := net.Listen("tcp", "127.0.0.1:8080")
//	err = server.Serve(ctx, listener) // until ctx ends; then it stops gracefully
//
// A handler is four steps: read, call, convert, write. Whatever goes wrong is returned, becomes a
// problem by the one table in problem.go, and is logged once, by observe.
package api
