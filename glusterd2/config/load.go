package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"gd2/pkg/bytesize"
)

// Load reads flags from args (without the program's name), variables through getenv (os.Getenv in main) and the file
// that --config or GD2_CONFIG names. The result is complete and valid: defaults are filled in, secrets are read from
// their files. Errors name the key, its value and what would be right. ErrHelp and ErrVersion are not failures.
func Load(args []string, getenv func(string) string) (*Config, error) {
	return load(args, getenv, thisHost())
}

// LoadWith is Load for a command that has flags of its own beside those of the daemon.
func LoadWith(own *pflag.FlagSet, args []string, getenv func(string) string) (*Config, error) {
	flags := newFlags()
	flags.AddFlagSet(own)
	return loadFlags(flags, args, getenv, thisHost())
}

// load is Load with the facts of the host passed in.
func load(args []string, getenv func(string) string, h host) (*Config, error) {
	return loadFlags(newFlags(), args, getenv, h)
}

func loadFlags(flags *pflag.FlagSet, args []string, getenv func(string) string, h host) (*Config, error) {
	if err := parseFlags(flags, args); err != nil {
		return nil, err
	}
	return loadParsed(flags, nil, getenv, h)
}

// loadParsed reads the file and the variables beside flags that were parsed. presets are defaults other than the schema's.
func loadParsed(flags *pflag.FlagSet, presets map[string]string, getenv func(string) string, h host) (*Config, error) {
	v := viper.New()
	for _, o := range schema() {
		v.SetDefault(o.name, o.preset)
	}
	for key, preset := range presets {
		v.SetDefault(key, preset)
	}
	c := new(Config)
	if err := c.readFile(v, flags, getenv); err != nil {
		return nil, err
	}
	overlay(v, flags, getenv)
	secretFile, err := c.fill(v)
	if err != nil {
		return nil, err
	}
	if err := c.readSecret(secretFile); err != nil {
		return nil, err
	}
	for _, o := range schema() {
		if o.derive != nil {
			o.derive(c)
		}
	}
	if c.AdvertiseAddress == "" {
		c.AdvertiseAddress = h.address(c.ClientAddress)
	}
	return c, c.Validate()
}

// Usage is the text of --help.
func Usage() string {
	return "glusterd2 is the daemon of gd2, a management plane for GlusterFS.\n\nUsage: glusterd2 [flags]\n\n" +
		newFlags().FlagUsages() +
		"\nEvery key of the file can be set as " + EnvPrefix + "<KEY>, in capitals and with _ for -; " +
		"a flag wins over a variable, a variable over the file.\nSecrets have no flags, so that a list of processes never shows them.\n"
}

func newFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("glusterd2", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	f.String("config", DefaultFile, "configuration file")
	for _, o := range schema() {
		if o.noFlag {
			continue
		}
		switch preset := o.preset.(type) {
		case string:
			f.String(o.name, preset, o.usage)
		case bool:
			f.Bool(o.name, preset, o.usage)
		case int:
			f.Int(o.name, preset, o.usage)
		case []string:
			f.StringSlice(o.name, preset, o.usage)
		}
	}
	f.Bool("version", false, "print the version and end")
	return f
}

func parseFlags(f *pflag.FlagSet, args []string) error {
	switch err := f.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return ErrHelp
	case err != nil:
		return fmt.Errorf("%w; glusterd2 --help lists the flags", err)
	}
	if asked, _ := f.GetBool("version"); asked {
		return ErrVersion
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: glusterd2 takes flags only; glusterd2 --help lists them", f.Arg(0))
	}
	return nil
}

func (c *Config) readFile(v *viper.Viper, flags *pflag.FlagSet, getenv func(string) string) error {
	path, asked := flags.Lookup("config").Value.String(), flags.Changed("config")
	if env := getenv(EnvPrefix + "CONFIG"); env != "" && !asked {
		path, asked = env, true
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	defer f.Close()
	file := viper.New()
	file.SetConfigType("toml")
	if err := file.ReadConfig(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	known, secret := map[string]bool{}, false
	for _, o := range schema() {
		known[o.name] = true
		secret = secret || o.noFlag && file.GetString(o.name) != ""
	}
	for _, key := range file.AllKeys() {
		if !known[key] {
			return unknownKey(path, key)
		}
	}
	if secret {
		if err := private(f, path); err != nil {
			return err
		}
	}
	c.File = path
	return v.MergeConfigMap(file.AllSettings())
}

// overlay lays variables over the file and flags over both.
func overlay(v *viper.Viper, flags *pflag.FlagSet, getenv func(string) string) {
	for _, o := range schema() {
		if s := getenv(envName(o.name)); s != "" {
			v.Set(o.name, s)
		}
		if flags.Changed(o.name) {
			if list, err := flags.GetStringSlice(o.name); err == nil {
				v.Set(o.name, list)
				continue
			}
			v.Set(o.name, flags.Lookup(o.name).Value.String())
		}
	}
}

func envName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// fill copies every key into its field and returns the value of pool-secret-file, which has none.
func (c *Config) fill(v *viper.Viper) (secretFile string, err error) {
	for _, o := range schema() {
		field := o.value(c)
		if err := assign(field, v.Get(o.name)); err != nil {
			return "", fmt.Errorf("%s: %w", o.name, err)
		}
		if o.name == secretFileKey {
			secretFile = *field.(*string)
		}
	}
	return secretFile, nil
}

// assign puts a value of the file, a flag or a variable into a field. The value is not printed: it may be a secret.
func assign(field, value any) error {
	text, isText := value.(string)
	switch f := field.(type) {
	case *string:
		if !isText {
			return fmt.Errorf("%v is not a text; put it in quotes", value)
		}
		*f = text
	case *Secret:
		if !isText {
			return errors.New("the value is not a text; put it in quotes")
		}
		*f = Secret(text)
	case *bool:
		b, err := strconv.ParseBool(fmt.Sprint(value))
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", fmt.Sprint(value))
		}
		*f = b
	case *int:
		n, err := strconv.Atoi(fmt.Sprint(value))
		if err != nil {
			return fmt.Errorf("%q is not a whole number", fmt.Sprint(value))
		}
		*f = n
	case *time.Duration:
		return assignDuration(f, fmt.Sprint(value))
	case *bytesize.Bytes:
		n, err := bytesize.Parse(fmt.Sprint(value))
		*f = n
		return err
	case *[]string:
		list, err := texts(value)
		*f = list
		return err
	}
	return nil
}

// assignDuration accepts what Go calls a duration, and 0.
func assignDuration(f *time.Duration, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a time such as 90s, 10m or 1h", text)
	}
	*f = d
	return nil
}

// texts accepts a list, or one text with commas as glusterd2 did.
func texts(value any) ([]string, error) {
	switch list := value.(type) {
	case []string:
		return list, nil
	case string:
		return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), nil
	case []any:
		out := make([]string, 0, len(list))
		for _, item := range list {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%v is not a text; put it in quotes", item)
			}
			out = append(out, s)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%v is not a list of texts such as [\"https://0.0.0.0:2379\"]", value)
}

func (c *Config) readSecret(path string) error {
	if path == "" {
		return nil
	}
	if c.PoolSecret != "" {
		return fmt.Errorf("pool-secret and %s are both set; keep one", secretFileKey)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", secretFileKey, err)
	}
	defer f.Close()
	if err := private(f, path); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", secretFileKey, err)
	}
	c.PoolSecret = Secret(strings.TrimSpace(string(text)))
	if c.PoolSecret == "" {
		return fmt.Errorf("%s: %s is empty", secretFileKey, path)
	}
	return nil
}

// private refuses a file with a secret that every user of the host may read.
func private(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return fmt.Errorf("%s holds a secret and is open to every user (mode %#o); chmod 0600 it", path, mode)
	}
	return nil
}
