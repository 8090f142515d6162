package source

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// local is the disk as kustomize may see it. Kustomize fetches what a kustomization names by a URL, with git or over HTTP,
// and has no option against it: so each kustomization file is looked at when it is read, before anything that it names.
type local struct {
	filesys.FileSystem
	refused error // kustomize says of a kustomization file that cannot be read that there is none
}

func (l *local) ReadFile(path string) ([]byte, error) {
	f, err := l.FileSystem.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := bounded(path, f)
	if err != nil {
		return nil, err
	}
	if slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path)) {
		if err := checkLocal(text); err != nil {
			l.refused = fmt.Errorf("%s: %w", path, err)
			return nil, l.refused
		}
	}
	return text, nil
}

// remote is what kustomize takes for a URL: its own rules, in git.NewRepoSpecFromURL and loader.IsRemoteFile.
var remote = regexp.MustCompile(`(?i)^(git::)*((ssh|file)://|https?:|[a-z][a-z0-9-]*@|github\.com[/:])`)

// checkLocal is an error for a kustomization that names something outside of this disk, or has a part that might: what
// generators, transformers and validators read is their own affair.
func checkLocal(text []byte) error {
	var k types.Kustomization
	if err := k.Unmarshal(text); err != nil {
		return err
	}
	k.FixKustomization() // as kustomize does: what is old becomes what is new
	for field, n := range map[string]int{
		"generators": len(k.Generators), "transformers": len(k.Transformers), "validators": len(k.Validators),
		"helmCharts": len(k.HelmCharts), "helmChartInflationGenerator": len(k.HelmChartInflationGenerator),
	} {
		if n > 0 {
			return fmt.Errorf("%s: not run here; build it yourself and read the output from standard input", field)
		}
	}
	for field, references := range references(&k) {
		for _, reference := range references {
			if remote.MatchString(reference) {
				return fmt.Errorf("%s: %s is remote, and nothing is fetched here: copy it, and name the copy", field, reference)
			}
		}
	}
	return nil
}

// references are the paths that a kustomization names, by field.
func references(k *types.Kustomization) map[string][]string {
	paths := map[string][]string{
		"resources": k.Resources, "components": k.Components, "crds": k.Crds,
		"configurations": k.Configurations, "openapi.path": {k.OpenAPI["path"]},
	}
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // kustomize still reads it
		paths["patches.path"] = append(paths["patches.path"], p.Path)
	}
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // kustomize still reads it
		paths["patchesStrategicMerge"] = append(paths["patchesStrategicMerge"], string(p))
	}
	for _, r := range k.Replacements {
		paths["replacements.path"] = append(paths["replacements.path"], r.Path)
	}
	for _, c := range k.ConfigMapGenerator {
		paths["configMapGenerator"] = append(paths["configMapGenerator"], generatorPaths(c.KvPairSources)...)
	}
	for _, s := range k.SecretGenerator {
		paths["secretGenerator"] = append(paths["secretGenerator"], generatorPaths(s.KvPairSources)...)
	}
	return paths
}

func generatorPaths(s types.KvPairSources) []string {
	paths := append(slices.Clone(s.EnvSources), s.EnvSource)
	for _, file := range s.FileSources {
		if _, path, named := strings.Cut(file, "="); named {
			file = path
		}
		paths = append(paths, file)
	}
	return paths
}
