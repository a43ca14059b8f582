package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func inProcessClient(handler http.HandlerFunc) (*http.Client, *inProcess) {
	transport := &inProcess{handler: handler}
	return &http.Client{Transport: transport}, transport
}

func TestBodiesStreamBothWays(t *testing.T) {
	c, transport := inProcessClient(func(w http.ResponseWriter, r *http.Request) {
		letter := make([]byte, 1)
		for {
			if _, err := r.Body.Read(letter); err != nil {
				return
			}
			w.Write(bytes.ToUpper(letter))
		}
	})
	in, out := io.Pipe()
	defer transport.wait()
	go out.Write([]byte("a"))
	response, err := c.Post("http://in-process/", "text/plain", in)
	if err != nil {
		t.Fatal(err)
	}
	for _, letter := range []string{"A", "B", "C"} {
		got := make([]byte, 1)
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != letter {
			t.Fatalf("got %q, %v, want %s before the rest is sent", got, err, letter)
		}
		if letter != "C" {
			out.Write([]byte{letter[0] + 'b' - 'A'})
		}
	}
	out.Close()
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) != 0 {
		t.Errorf("then %q, %v", rest, err)
	}
}

func TestHandlerSeesAServersRequest(t *testing.T) {
	c, _ := inProcessClient(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Kept", "before")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Kept", "after")
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", r.RequestURI, " ", r.Host, " ", r.RemoteAddr != "", string(body), err)
	})
	response, err := c.Get("http://in-process/a%2Fb?c=d")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if got, want := string(body), "GET /a%2Fb?c=d in-process true<nil>"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if response.StatusCode != http.StatusTeapot || response.Header.Get("X-Kept") != "before" {
		t.Errorf("got %d %v", response.StatusCode, response.Header)
	}
}

func TestAbortedAnswerBreaksOff(t *testing.T) {
	c, transport := inProcessClient(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	response, err := c.Get("http://in-process/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if string(body) != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v", body, err)
	}
	transport.wait()
}

func TestEndedCallLetsGoAndWaitSeesTheHandlerOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	finished := false
	c, transport := inProcessClient(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
		finished = true
	})
	request, err := http.NewRequestWithContext(ctx, "POST", "http://in-process/", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(request); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if transport.wait(); !finished {
		t.Error("wait returned while the handler was at work")
	}
}

func TestReaderThatLeavesDoesNotHoldTheHandler(t *testing.T) {
	c, transport := inProcessClient(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				return
			}
		}
	})
	response, err := c.Get("http://in-process/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	transport.wait()
}
