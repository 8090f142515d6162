package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quench-dev/quench/knative/archive/store"
	"github.com/quench-dev/quench/knative/history"
)

// readTimeout is how long one answer may take to be read from the store;
// answered is how much of an error is told, in bytes: Knative's dispatcher carries
// no more than 768 on.
const (
	readTimeout = 10 * time.Second
	answered    = 400
)

func (a *Archive) list(w http.ResponseWriter, r *http.Request) {
	q, err := history.ParseQuery(r.URL.Query())
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	a.page(w, r, q)
}

// story is all of one incarnation of an alert: what fired, what was made of it,
// how it ended.
func (a *Archive) story(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	if v.Has("correlationid") {
		answerError(w, http.StatusBadRequest, errors.New("correlationid: it stands in the path"))
		return
	}
	q, err := history.ParseQuery(v)
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	q.CorrelationID = r.PathValue("correlationid")
	if !v.Has("limit") {
		q.Limit = history.MaxLimit
	}
	a.page(w, r, q)
}

func (a *Archive) page(w http.ResponseWriter, r *http.Request, q history.Query) {
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	p, err := a.store.List(ctx, q)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	answer(w, http.StatusOK, p)
}

func (a *Archive) one(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.ParseInt(r.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		answerError(w, http.StatusBadRequest, fmt.Errorf("%.40q: want the seq of an event, a whole number above 0", r.PathValue("seq")))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	e, err := a.store.Get(ctx, seq)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	answer(w, http.StatusOK, e)
}

// failed answers an error of the store's.
func (a *Archive) failed(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusServiceUnavailable
	var filter *store.FilterError
	switch {
	case errors.Is(err, store.ErrNotFound):
		code = http.StatusNotFound
	case errors.As(err, &filter):
		code = http.StatusBadRequest
	default:
		a.log.Error().Str("path", r.URL.Path).Err(err).Msg("not answered")
	}
	answerError(w, code, err)
}

// answer writes v as JSON; a reader that has left does not matter.
func answer(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

func answerError(w http.ResponseWriter, code int, err error) {
	text := err.Error()
	if len(text) > answered {
		text = strings.ToValidUTF8(text[:answered], "")
	}
	answer(w, code, map[string]string{"error": text})
}
