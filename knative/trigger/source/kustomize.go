package source

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func isKustomization(folder string) bool {
	return slices.ContainsFunc(konfig.RecognizedKustomizationFileNames(), func(name string) bool {
		info, err := os.Stat(filepath.Join(folder, name))
		return err == nil && !info.IsDir()
	})
}

// build is what kubectl kustomize prints for a folder. Its objects have no lines: they are made of several files.
func build(folder string) (objects []*Object, err error) {
	defer func() {
		if cause := recover(); cause != nil { // it does on some mistakes in a patch
			objects, err = nil, fmt.Errorf("%s: build kustomization: %v", folder, cause)
		}
	}()
	// kubectl's options: nothing above the folder that no kustomization names, no plugins, no helm.
	disk := &local{FileSystem: filesys.MakeFsOnDisk()}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, folder)
	if disk.refused != nil {
		err = disk.refused
	}
	if err != nil {
		return nil, fmt.Errorf("%s: build kustomization: %w", folder, err)
	}
	for _, r := range built.Resources() {
		raw, err := r.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("%s: %s %s: %w", folder, r.GetKind(), r.GetName(), err)
		}
		o, err := asObject(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %s %s: %w", folder, r.GetKind(), r.GetName(), err)
		}
		if o != nil {
			o.File = folder
			objects = append(objects, o)
		}
	}
	return objects, nil
}
