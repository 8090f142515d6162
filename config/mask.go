package config

// Mask is what is taken out of texts that others wrote before they are told.
type Mask struct {
	MaskPatterns string `envconfig:"MASK_PATTERNS" desc:"More to mask in logs and output that are told: regular expressions (RE2), one a line. Groups are masked, or all of the match where there is none."`
	MaskDefaults bool   `envconfig:"MASK_DEFAULTS" default:"true" desc:"Mask what is shipped in function/mask/patterns.txt: tokens, passwords, private keys."`
}
