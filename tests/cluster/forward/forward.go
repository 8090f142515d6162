// Package forward passes TCP connections through a Unix socket, from one network namespace into another. Who connects to
// the socket says first which address it wants, in a line.
package forward

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// How long may be waited for the line, and for the connection.
const patience = 10 * time.Second

// Inside answers on the socket in the namespace that the addresses are in. It returns at once; errors of a connection
// are told to say.
func Inside(socket string, say func(format string, args ...any)) error {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			go func() {
				if err := pass(conn); err != nil {
					say("forward: %v", err)
				}
			}()
		}
	}()
	return nil
}

func pass(conn *net.UnixConn) error {
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	reader := bufio.NewReader(conn)
	address, err := reader.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	to, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimSpace(address))
	if err != nil {
		return err
	}
	defer to.Close()
	splice(half{reader, conn}, half{to, to.(*net.TCPConn)})
	return nil
}

// Outside accepts connections in this namespace and hands them on to the socket, for the address; until the listener
// is closed.
func Outside(listener *net.TCPListener, socket, address string) {
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			to, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
			if err != nil {
				return
			}
			defer to.Close()
			if _, err := fmt.Fprintln(to, address); err != nil {
				return
			}
			splice(half{conn, conn}, half{to, to})
		}()
	}
}

// half is a connection of which each direction ends on its own.
type half struct {
	io.Reader
	writer interface {
		io.Writer
		CloseWrite() error
	}
}

// splice passes on what each side says until both have said all.
func splice(a, b half) {
	done := make(chan struct{})
	go func() {
		copyTo(a, b)
		close(done)
	}()
	copyTo(b, a)
	<-done
}

func copyTo(to, from half) {
	_, _ = io.Copy(to.writer, from.Reader)
	_ = to.writer.CloseWrite()
}
