package api

import "touchstone/api/keys"

// KindOf is the code and status that the error becomes.
func KindOf(err error) (code string, status int) { k := kindOf(err); return k.code, k.status }

// AboutCollection and AboutReference say what an error is about, as handlers do.
var (
	AboutCollection = aboutCollection
	AboutReference  = aboutReference
)

// Codes are all problem codes with their statuses.
func Codes() map[string]int {
	codes := map[string]int{}
	for _, k := range kinds {
		codes[k.code] = k.status
	}
	return codes
}

// Routes are all routes as openapi.yaml writes them.
func (s *Server) Routes() (list []string) {
	for _, r := range s.table() {
		list = append(list, r.method+" "+r.contractPath())
	}
	return list
}

// Contract is openapi.yaml.
var Contract = contract

// ReferenceHashes is how many references one body may add by their hashes.
const ReferenceHashes = maxReferenceHashes

// Options are the options of each route.
func (s *Server) Options() map[string][]string {
	options := map[string][]string{}
	for _, r := range s.table() {
		options[r.method+" "+r.contractPath()] = r.options
	}
	return options
}

// ScanHashRequest reads a plain request; its hashes stand beside it.
var ScanHashRequest = scanHashRequest

// ScanHashLine reads a plain line of a stream.
var ScanHashLine = scanHashLine

// ParseHashLine reads any line of a stream.
var ParseHashLine = parseHashLine

// ParseJSON is what judges a body.
func ParseJSON(text []byte, into any) error { return parseDocument(text, into) }

// AppendHashLine and AppendHashMatches write what encoding/json would.
var (
	AppendHashLine    = appendHashLine
	AppendHashMatches = appendHashMatches
)

// Need is what a route asks of whoever calls it.
type Need struct {
	Public, Whole bool
	Scopes        keys.Scope
}

// Needs are those of each route.
func (s *Server) Needs() map[string]Need {
	needs := map[string]Need{}
	for _, r := range s.table() {
		needs[r.method+" "+r.contractPath()] = Need{r.need.public, r.need.whole, r.need.scopes}
	}
	return needs
}

// Requests is how many are under way.
func (s *Server) Requests() int64 { return s.requests.Held() }

// Held is how many bytes requests hold.
func (s *Server) Held() int64 { return s.memory.Held() }
