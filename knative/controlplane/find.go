package controlplane

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Variable names the environment variable with the path of the binary.
const Variable = "QUENCH_CONTROLPLANE"

const binaryName = "quench-controlplane"

// ErrNotFound means that there is no binary in any of the places where Find looks.
var ErrNotFound = errors.New("no quench-controlplane beside this program, in PATH or named by " + Variable +
	" (build it with `make controlplane`, or name another cluster's kubeconfig)")

// Find returns the path of quench-controlplane: what the variable QUENCH_CONTROLPLANE names, else the one beside the
// running program, else the one in PATH. A variable that names no executable is an error, not passed over.
func Find() (string, error) {
	if named := os.Getenv(Variable); named != "" {
		if err := executable(named); err != nil {
			return "", fmt.Errorf("find control plane: %s: %w (build it with `make controlplane`)", Variable, err)
		}
		return filepath.Abs(named)
	}
	if own, err := os.Executable(); err == nil {
		// The real file's folder counts, not that of a link to it.
		if resolved, err := filepath.EvalSymlinks(own); err == nil {
			own = resolved
		}
		beside := filepath.Join(filepath.Dir(own), binaryName)
		if executable(beside) == nil {
			return beside, nil
		}
	}
	if path, err := exec.LookPath(binaryName); err == nil {
		return filepath.Abs(path)
	}
	return "", fmt.Errorf("find control plane: %w", ErrNotFound)
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s is not an executable file", path)
	}
	return nil
}
