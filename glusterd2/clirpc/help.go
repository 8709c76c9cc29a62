package clirpc

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"

	"gd2/pkg/api"
)

// helpText is what volume set help prints: the options that have a description.
func helpText(list []api.OptionHelp) string {
	var b strings.Builder
	for _, o := range list {
		if o.Description == "" {
			continue
		}
		fmt.Fprintf(&b, "Option: %s\nDefault Value: %s\nDescription: %s\n\n", o.Name, cmp.Or(o.DefaultValue, nothing), o.Description)
	}
	return b.String()
}

// optionXML is an option in volume set help-xml.
type optionXML struct {
	Default     string `xml:"defaultValue"`
	Description string `xml:"description"`
	Name        string `xml:"name"`
}

// helpXML is what volume set help-xml prints.
func helpXML(list []api.OptionHelp) (string, error) {
	type options struct {
		XMLName xml.Name    `xml:"options"`
		Options []optionXML `xml:"option"`
	}
	var o options
	for _, h := range list {
		if h.Description != "" {
			o.Options = append(o.Options, optionXML{cmp.Or(h.DefaultValue, nothing), h.Description, h.Name})
		}
	}
	text, err := xml.MarshalIndent(o, "", "  ")
	return xml.Header + string(text), err
}
