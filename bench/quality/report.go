package quality

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
)

// Report is what a run measured.
type Report struct {
	Pictures   int    `json:"pictures"`
	Unusable   int    `json:"unusable"` // refused, or too flat
	References int    `json:"references"`
	Strangers  int    `json:"strangers"`
	Seed       uint64 `json:"seed"`
	Rows       []Row  `json:"rows"`
	Mean       []Mean `json:"mean"` // over the attacks, by method
}

// Row is one attack.
type Row struct {
	Attack  string   `json:"attack"`
	Methods []Counts `json:"methods"`
}

// Counts are what one method did with one attack.
type Counts struct {
	Method    string `json:"method"`
	Copies    int    `json:"copies"` // queries made from references
	Found     int    `json:"found"`  // of those, answered with the right reference
	First     int    `json:"first"`  // of those, the right one ranked first
	Strangers int    `json:"strangers"`
	False     int    `json:"false"` // strangers answered with anything at all
}

// Mean sums a method up over every attack, the untouched pictures left out.
type Mean struct {
	Method string  `json:"method"`
	Recall float64 `json:"recall"`
	False  float64 `json:"false_share"` // of all stranger queries, untouched ones too
}

// row asks for altered copies of a sample of the references and of the strangers.
func (b *bench) row(ctx context.Context, name string, alter alteration) (Row, error) {
	copies, err := b.ask(ctx, b.references, alter)
	if err != nil {
		return Row{}, fmt.Errorf("%s: %w", name, err)
	}
	strangers, err := b.ask(ctx, b.strangers, alter)
	if err != nil {
		return Row{}, fmt.Errorf("%s: %w", name, err)
	}
	row := Row{Attack: name}
	for m, method := range b.methods() {
		counts := Counts{Method: method.name(), Copies: len(copies), Strangers: len(strangers)}
		for i, answers := range copies {
			counts.credit(b.Same, b.references[i].Name, answers[m])
		}
		for _, answers := range strangers {
			if len(answers[m]) > 0 {
				counts.False++
			}
		}
		row.Methods = append(row.Methods, counts)
	}
	return row, nil
}

func (c *Counts) credit(same Groups, want string, answers []string) {
	for i, got := range answers {
		if same.of(got) == same.of(want) {
			c.Found++
			if i == 0 {
				c.First++
			}
			return
		}
	}
}

// ask gives every method's answers for a sample of the list, altered.
func (b *bench) ask(ctx context.Context, list []Source, alter alteration) ([][][]string, error) {
	n := min(b.Sample, len(list))
	answers, errs := make([][][]string, n), make([]error, n)
	b.each(n, func(i int) { answers[i], errs[i] = b.askOne(ctx, list, i, alter) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func (b *bench) askOne(ctx context.Context, list []Source, i int, alter alteration) ([][]string, error) {
	encoded, err := alter(ctx, list, i)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list[i].Name, err)
	}
	picture, err := b.Fingerprint(ctx, encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list[i].Name, err)
	}
	var answers [][]string
	for _, m := range b.methods() {
		found, err := m.answer(ctx, picture)
		if err != nil {
			return nil, err
		}
		answers = append(answers, found)
	}
	return answers, nil
}

func (r *Report) sum() {
	for m, first := range r.Rows[0].Methods {
		mean := Mean{Method: first.Method}
		wrong, asked := 0, 0
		for i, row := range r.Rows {
			c := row.Methods[m]
			wrong, asked = wrong+c.False, asked+c.Strangers
			if i > 0 {
				mean.Recall += share(c.Found, c.Copies) / float64(len(r.Rows)-1)
			}
		}
		mean.False = share(wrong, asked)
		r.Mean = append(r.Mean, mean)
	}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// WriteText writes the report as a Markdown table, which reads well on a terminal too: for each
// method the share of copies found and the number of strangers answered.
func (r Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%d references, %d strangers of %d pictures (%d refused or too flat), seed %d; a cell is recall · false answers of strangers asked\n\n",
		r.References, r.Strangers, r.Pictures, r.Unusable, r.Seed)
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(table, "| attack\t")
	for _, m := range r.Mean {
		fmt.Fprintf(table, "| %s\t", m.Method)
	}
	fmt.Fprint(table, "|\n|---\t")
	for range r.Mean {
		fmt.Fprint(table, "|---\t")
	}
	fmt.Fprintln(table, "|")
	for _, row := range r.Rows {
		fmt.Fprintf(table, "| %s\t", row.Attack)
		for _, c := range row.Methods {
			fmt.Fprintf(table, "| %.3f · %d/%d\t", share(c.Found, c.Copies), c.False, c.Strangers)
		}
		fmt.Fprintln(table, "|")
	}
	fmt.Fprint(table, "| **mean of attacks**\t")
	for _, m := range r.Mean {
		fmt.Fprintf(table, "| **%.3f · %.2f %%**\t", m.Recall, 100*m.False)
	}
	fmt.Fprintln(table, "|")
	return table.Flush()
}
