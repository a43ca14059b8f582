package wire

import "time"

// NewNotice is the body of POST /v1/notices.
type NewNotice struct {
	Holder string   `json:"holder"`
	Hits   []string `json:"hits"`
	Text   string   `json:"text,omitempty"`   // the holder's statement
	Submit bool     `json:"submit,omitempty"` // at once
}

// NoticeOrder is the body of POST /v1/notices/{id}/steps and of .../decisions.
type NoticeOrder struct {
	Action string   `json:"action"`
	Text   string   `json:"text,omitempty"`
	Party  string   `json:"party,omitempty"` // for the action state
	Hits   []string `json:"hits,omitempty"`  // for the action partly: those accepted
}

// Notice is a complaint of a holder about listings.
type Notice struct {
	ID          string       `json:"id"`
	State       string       `json:"state"`
	Holder      string       `json:"holder"`
	Items       []NoticeItem `json:"items"`
	Automatic   bool         `json:"automatic"`
	Collections []string     `json:"collections"`
	Created     time.Time    `json:"created"`
	By          string       `json:"by,omitempty"`
	Due         *time.Time   `json:"due,omitempty"` // when the next step ought to be done
	Overdue     bool         `json:"overdue"`
	Statements  []Statement  `json:"statements"`
	Trail       []NoticeStep `json:"trail"`
	Seq         uint64       `json:"seq,omitempty"` // in answers to writes
}

// NoticeItem is a hit of a notice.
type NoticeItem struct {
	Hit     string  `json:"hit"`
	Subject Subject `json:"subject"`
	Outcome string  `json:"outcome,omitempty"` // accepted or refused
}

// Statement is what a party says.
type Statement struct {
	Party string    `json:"party"`
	Text  string    `json:"text"`
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`
}

// NoticeStep is one step of a notice.
type NoticeStep struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor,omitempty"`
	Action string    `json:"action"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to"`
	Why    string    `json:"why,omitempty"`
}

// Notices is a page of them.
type Notices struct {
	Notices []Notice `json:"notices"`
	Next    string   `json:"next,omitempty"`
}

// HolderRecord is what became of a holder's notices, and what that comes to.
type HolderRecord struct {
	Holder    string `json:"holder"`
	Standing  string `json:"standing"` // trusted, ordinary, doubtful
	Drafted   int    `json:"drafted"`
	Submitted int    `json:"submitted"`
	Accepted  int    `json:"accepted"`
	Partly    int    `json:"partly"`
	Refused   int    `json:"refused"`
	Removed   int    `json:"removed"`
	Countered int    `json:"countered"`
	Upheld    int    `json:"upheld"`
	Restored  int    `json:"restored"`
	Closed    int    `json:"closed"`
	Withdrawn int    `json:"withdrawn"`
}
