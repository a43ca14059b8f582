package casework

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Territory lists where something holds, by two-letter country codes (ISO 3166-1) and EU for the European
// Union; none: everywhere.
type Territory []string

var territoryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// union are the members of the European Union, in which an EU right holds.
var union = strings.Fields("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")

// maxTerritory bounds how many codes one list has: there are no more countries.
const maxTerritory = 250

// ParseTerritory reads codes with spaces, commas or semicolons between them.
func ParseTerritory(text string) (Territory, error) {
	t := Territory(strings.FieldsFunc(strings.ToUpper(text), func(r rune) bool { return strings.ContainsRune(" ,;", r) }))
	return t, t.validate()
}

func (t Territory) validate() error {
	if len(t) > maxTerritory {
		return invalid("territory", "%d codes, want at most %d", len(t), maxTerritory)
	}
	for _, code := range t {
		if !territoryCode.MatchString(code) {
			return invalid("territory", "%.40q: want two-letter codes such as DE, or EU", code)
		}
	}
	return nil
}

// Covers reports whether it holds at the place; a place that is not known is in every territory.
func (t Territory) Covers(place string) bool {
	if len(t) == 0 || place == "" || slices.Contains(t, place) {
		return true
	}
	return slices.Contains(t, "EU") && slices.Contains(union, place)
}

// Term is from when to when something holds. Zero times are without bound.
type Term struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"` // not included
}

// ParseTerm reads two texts, each empty, a day such as 2027-01-31 or a time of RFC 3339. A term until a day
// holds on that day too.
func ParseTerm(from, until string) (t Term, err error) {
	if t.From, err = parseDay("from", from, 0); err != nil {
		return t, err
	}
	if t.Until, err = parseDay("until", until, 1); err != nil {
		return t, err
	}
	return t, t.validate()
}

func parseDay(field, text string, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, days), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, invalid(field, "%.40q is neither a day such as 2027-01-31 nor a time such as 2027-01-31T12:00:00Z", text)
	}
	return at.UTC(), nil
}

func (t Term) validate() error {
	if !t.From.IsZero() && !t.Until.IsZero() && !t.From.Before(t.Until) {
		return invalid("until", "%s is not after %s", t.Until.Format(time.RFC3339), t.From.Format(time.RFC3339))
	}
	return nil
}

// Holds reports whether the time is within the term.
func (t Term) Holds(at time.Time) bool {
	return !at.Before(t.From) && (t.Until.IsZero() || at.Before(t.Until))
}

// Over reports whether the term has ended by then.
func (t Term) Over(at time.Time) bool { return !t.Until.IsZero() && !at.Before(t.Until) }
