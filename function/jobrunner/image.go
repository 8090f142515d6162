package jobrunner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// image is a container's image: a name and a tag, or both in one string.
type image struct {
	Image text `json:"image"`
	Tag   text `json:"tag"`
}

// UnmarshalJSON takes either form, and refuses what it does not know.
func (i *image) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		return i.Image.UnmarshalJSON(b)
	case '{':
		type fields image // without this method
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode((*fields)(i)); err != nil {
			return fmt.Errorf("container: %s; want image and tag", plain(err))
		}
		return nil
	}
	return errors.New(`container: want {image: …, tag: …} or "image:tag"`)
}

// reference is what a Pod has as its image.
func (i *image) reference() string {
	if i.Tag == "" {
		return string(i.Image)
	}
	return string(i.Image + ":" + i.Tag)
}
