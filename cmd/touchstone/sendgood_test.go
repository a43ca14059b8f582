package main

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// Whatever is refused, and whether or not the server says which, each good item is accepted once
// and each bad one refused once.
func TestBadItemsNeverSpoilTheGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bad := rapid.SliceOfN(rapid.Bool(), 0, 20).Draw(t, "bad")
		named := rapid.Bool().Draw(t, "the server says which")
		items := make([]int, len(bad))
		for i := range items {
			items[i] = i
		}
		var accepted, refused []int
		err := sendGood(items, func(sent []int) error {
			for place, item := range sent {
				if !bad[item] {
					continue
				}
				problem := &client.Problem{Problem: wire.Problem{Status: 422, Code: "image_corrupt"}}
				if named {
					problem.Image = &place
				}
				return problem
			}
			accepted = append(accepted, sent...)
			return nil
		}, func(item int, _ *client.Problem) { refused = append(refused, item) })
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(accepted)
		slices.Sort(refused)
		for _, item := range items {
			if slices.Contains(accepted, item) == bad[item] || slices.Contains(refused, item) != bad[item] {
				t.Fatalf("item %d, bad %v: accepted %v, refused %v", item, bad[item], accepted, refused)
			}
		}
		if len(accepted)+len(refused) != len(items) {
			t.Fatalf("some twice: accepted %v, refused %v", accepted, refused)
		}
	})
}

func TestProblemsThatAreAboutNoPictureStopTheSending(t *testing.T) {
	gone := &client.Problem{Problem: wire.Problem{Status: 404, Code: "collection_not_found"}}
	for _, want := range []error{gone, errors.New("broken")} {
		calls := 0
		err := sendGood([]int{1, 2, 3}, func([]int) error { calls++; return want }, func(int, *client.Problem) { t.Error("refused") })
		if !errors.Is(err, want) || calls != 1 {
			t.Errorf("%d calls, %v, want %v", calls, err, want)
		}
	}
}
