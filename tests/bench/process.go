package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one that was started, and serves.
type process struct {
	url string
	cmd *exec.Cmd
	log bytes.Buffer
}

// serve starts a role of this program that serves.
func serve(ctx context.Context, role string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, "/proc/self/exe", append([]string{role}, args...)...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	var told struct{ URL string }
	if err := json.Unmarshal(line, &told); err != nil {
		return nil, err
	}
	p.url = told.URL
	return p, nil
}

// program starts a program that listens on PORT, and waits until it is ready. It says how long that took from exec on.
func program(ctx context.Context, path string, env ...string) (p *process, took time.Duration, err error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, 0, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	p = &process{url: "http://" + address + "/", cmd: exec.CommandContext(ctx, path)}
	p.cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=/", "PORT=" + port}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	probe, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"health/readiness", nil)
	if err != nil {
		return nil, 0, err
	}
	prober, dialer := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}, &net.Dialer{}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, 0, err
	}
	for until := began.Add(20 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Microsecond) {
		conn, err := dialer.DialContext(ctx, "tcp", address) // cheaper than a request that fails
		if err != nil {
			continue
		}
		_ = conn.Close()
		answer, err := prober.Do(probe)
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return p, time.Since(began), nil
		}
	}
	p.end()
	return nil, 0, fmt.Errorf("%s is not ready: %s", path, &p.log)
}

// freeAddress is one that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (p *process) end() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// cpu is the processor time that it has used so far, in seconds.
func (p *process) cpu() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100, errors.Join(err1, err2) // the kernel counts in hundredths for every program
}

// memory is what is resident, in MB, now (VmRSS) or at most so far (VmHWM).
func (p *process) memory(what string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("no %s", what)
}

// load has a role of this program send something, and says how that went and how much processor time it took.
func load(ctx context.Context, role, url string, o order) (l loaded, cpu float64, err error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", role, "--url", url, "--alerts", strconv.Itoa(max(o.alerts, 1)),
		"--at-once", strconv.Itoa(o.atOnce), "--requests", strconv.Itoa(o.requests), "--time", o.time.String(), "--first", strconv.FormatUint(o.first, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return l, 0, fmt.Errorf("%s: %w", role, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return l, float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9, json.Unmarshal(out, &l)
}
