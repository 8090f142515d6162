package plane

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"
)

// How long a component may take to end before it is killed.
const stopGrace = 15 * time.Second

// restartPause keeps a component that cannot start from taking the whole machine.
const restartPause = 500 * time.Millisecond

// Stop ends the components in the reverse order of their start, because kube-apiserver waits long for an etcd that is
// gone, and removes a temporary data folder. It returns when all have ended, at once when they had; calling it again
// is harmless.
func (p *Plane) Stop() error {
	p.stopOnce.Do(func() {
		p.mu.Lock()
		p.stopping = true
		running := p.running
		p.mu.Unlock()
		var errs []error
		for i := len(running) - 1; i >= 0; i-- {
			if err := running[i].Stop(stopGrace); err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", running[i].Name(), err))
			}
		}
		p.stopErr = errors.Join(append(errs, p.cleanUp())...)
		close(p.done)
	})
	return p.stopErr
}

// watch ends the control plane when one of its components ends, or starts that one again.
func (p *Plane) watch() {
	for {
		ended := firstEnded(p.Processes())
		err := ended.exitError()
		p.mu.Lock()
		stopping := p.stopping
		p.mu.Unlock()
		if p.opts.Restart && !stopping {
			time.Sleep(restartPause)
			if err = p.restart(ended); err == nil {
				continue
			}
		}
		p.mu.Lock()
		if !p.stopping {
			p.err = err
		}
		p.mu.Unlock()
		_ = p.Stop()
		return
	}
}

// firstEnded waits until one of the processes has ended.
func firstEnded(processes []*Process) *Process {
	cases := make([]reflect.SelectCase, len(processes))
	for i, process := range processes {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(process.Done())}
	}
	chosen, _, _ := reflect.Select(cases)
	return processes[chosen]
}

// cleanUp gives up the data folder, and removes what is of no use without the components.
func (p *Plane) cleanUp() error {
	var errs []error
	if p.temporary {
		if p.opts.Kubeconfig != "" && ours(p.opts.Kubeconfig) {
			errs = append(errs, os.Remove(p.opts.Kubeconfig))
		}
		errs = append(errs, os.RemoveAll(p.opts.Dir))
	}
	if p.unlock != nil {
		p.unlock()
	}
	return errors.Join(errs...)
}
