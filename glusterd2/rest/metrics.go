package rest

import (
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is how many scrapers are served at once; more get 503.
const maxScrapes = 4

// metrics are the metrics of the daemon, in registries of their own: http counts what this package does, state is read
// from the daemon at each scrape.
type metrics struct {
	services    Services
	http, state *prometheus.Registry
	scrapes     chan struct{}
	answered    *prometheus.CounterVec
	took        *prometheus.HistogramVec
}

func newMetrics(s Services) *metrics {
	m := &metrics{
		services: s, scrapes: make(chan struct{}, maxScrapes),
		http: prometheus.NewRegistry(), state: prometheus.NewRegistry(),
		answered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "glusterd2_http_requests_total", Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "glusterd2_http_request_duration_seconds", Help: "Time from request to answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25},
		}, []string{"route", "method"}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "glusterd2_build_info", Help: "Always 1; the labels tell the version.",
		ConstLabels: prometheus.Labels{"version": s.System.Version(), "go_version": runtime.Version()},
	}, func() float64 { return 1 })
	m.http.MustRegister(m.answered, m.took)
	m.state.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// measureTimeout bounds one reading of the state: Prometheus waits 10 seconds by default.
const measureTimeout = 8 * time.Second

// handler serves the metrics, as text. A family that cannot be had does not hide the others.
func (m *metrics) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		select {
		case m.scrapes <- struct{}{}:
			defer func() { <-m.scrapes }()
		default:
			http.Error(w, fmt.Sprintf("%d scrapes are being answered: try again later", maxScrapes), http.StatusServiceUnavailable)
			return
		}
		m.scrape(w, req)
	})
}

func (m *metrics) scrape(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), measureTimeout)
	defer cancel()
	now := m.services.Metrics.Measure(ctx)
	pool := prometheus.NewRegistry()
	pool.MustRegister(newPoolCollector(m.services, now))
	plain := req.Clone(ctx)
	plain.Header.Set("Accept", "text/plain") // what is appended is text as well
	out := newSqueezer(w, req)
	defer out.close()
	promhttp.HandlerFor(prometheus.Gatherers{m.http, m.state, pool},
		promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, DisableCompression: true}).ServeHTTP(out, plain)
	volumes := volumeText{cluster: m.services.System.ClusterID(), volumes: now.Volumes}
	_ = volumes.write(out) // a scraper that has gone needs nothing
}

// squeezer compresses an answer, if the client reads that.
type squeezer struct {
	http.ResponseWriter
	to *gzip.Writer // nil: as it is
}

func newSqueezer(w http.ResponseWriter, req *http.Request) *squeezer {
	s := &squeezer{ResponseWriter: w}
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(req.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		s.to, _ = gzip.NewWriterLevel(w, gzip.BestSpeed) // an error is about the level
	}
	return s
}

// Write implements io.Writer.
func (s *squeezer) Write(text []byte) (int, error) {
	if s.to == nil {
		return s.ResponseWriter.Write(text)
	}
	return s.to.Write(text)
}

func (s *squeezer) close() {
	if s.to != nil {
		_ = s.to.Close() // as in scrape
	}
}

// observe counts an answer. Methods that strangers invent share a label.
func (m *metrics) observe(row *Route, method string, code int, took time.Duration) {
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}, method) {
		method = "other"
	}
	m.answered.WithLabelValues(row.Name, method, strconv.Itoa(code)).Inc()
	m.took.WithLabelValues(row.Name, method).Observe(took.Seconds())
}

// requests returns the number of answers of each route.
func (m *metrics) requests() map[string]uint64 {
	out := map[string]uint64{}
	families, _ := m.http.Gather() // an error leaves out a family, which is then not counted
	for _, f := range families {
		for _, sample := range f.GetMetric() {
			for _, l := range sample.GetLabel() {
				if l.GetName() == "route" && sample.GetCounter() != nil {
					out[l.GetValue()] += uint64(sample.GetCounter().GetValue())
				}
			}
		}
	}
	return out
}
