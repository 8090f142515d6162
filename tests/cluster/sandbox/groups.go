package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const groupRoot = "/sys/fs/cgroup"

// hierarchies are the folders under which a control group of a name is made: the one of cgroup v2, or v1's many.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(groupRoot, "cgroup.controllers")); err == nil {
		return []string{groupRoot}, nil
	}
	entries, err := os.ReadDir(groupRoot)
	if err != nil {
		return nil, fmt.Errorf("list control groups: %w", err)
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() {
			found = append(found, filepath.Join(groupRoot, entry.Name()))
		}
	}
	return found, nil
}

// MakeGroup makes the control group in every hierarchy.
func MakeGroup(name string) error {
	found, err := hierarchies()
	if err != nil {
		return err
	}
	for _, hierarchy := range found {
		if err := os.MkdirAll(filepath.Join(hierarchy, name), 0o755); err != nil {
			return fmt.Errorf("make control group: %w", err)
		}
	}
	return nil
}

// RemoveGroup removes the control group and all below it, in every hierarchy. Their processes must have ended; the
// kernel may take a moment to see that.
func RemoveGroup(name string) error {
	found, err := hierarchies()
	if err != nil {
		return err
	}
	var errs []error
	for _, hierarchy := range found {
		if err := removeTree(filepath.Join(hierarchy, name)); err != nil {
			errs = append(errs, fmt.Errorf("remove control group: %w", err))
		}
	}
	return errors.Join(errs...)
}

func removeTree(root string) error {
	var folders []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for i := len(folders) - 1; i >= 0; i-- {
		if err := removeGroup(folders[i]); err != nil {
			return err
		}
	}
	return nil
}

func removeGroup(path string) error {
	deadline := time.Now().Add(stopGrace)
	for {
		err := syscall.Rmdir(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return fmt.Errorf("%s: %w", path, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
