package imagepatcher

import "strings"

// image is an image's name as a container has it, taken apart without a change.
type image struct {
	name   string // registry and repository, as they are written
	tag    string // empty where there is none
	digest string
}

func split(text string) image {
	var i image
	i.name, i.digest, _ = strings.Cut(text, "@")
	if colon := strings.LastIndexByte(i.name, ':'); colon > strings.LastIndexByte(i.name, '/') { // else a registry's port
		i.name, i.tag = i.name[:colon], i.name[colon+1:]
	}
	return i
}

func (i image) String() string {
	text := i.name
	if i.tag != "" {
		text += ":" + i.tag
	}
	if i.digest != "" {
		text += "@" + i.digest
	}
	return text
}
