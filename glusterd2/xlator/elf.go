package xlator

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
)

// image is a shared object as it would lie in memory, without being run: its segments, and the pointers that the
// loader would put into its data.
type image struct {
	segments []segment
	symbols  map[string]uint64
	pointers map[uint64]uint64 // where a pointer lies → what it points at
}

type segment struct {
	addr uint64
	data []byte
}

// maxObject bounds what is read of a shared object; those of GlusterFS have a few hundred kilobytes.
const maxObject = 64 << 20

func openImage(path string) (*image, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	im := &image{symbols: map[string]uint64{}, pointers: map[uint64]uint64{}}
	if f.Class != elf.ELFCLASS64 {
		return nil, fmt.Errorf("%s: not a 64-bit object", path)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz > maxObject {
			continue
		}
		data := make([]byte, p.Filesz)
		if _, err := p.ReadAt(data, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		im.segments = append(im.segments, segment{p.Vaddr, data})
	}
	if err := im.relocate(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return im, nil
}

// relocate collects the exported symbols and the pointers. Relocations are {offset, info, addend}; those of relative type point at the addend,
// those that name a symbol of this object at the symbol.
func (im *image) relocate(f *elf.File) error {
	s := f.Section(".rela.dyn")
	if s == nil {
		return errors.New("no relocations")
	}
	table, err := s.Data()
	if err != nil {
		return err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return err
	}
	for _, s := range symbols {
		im.symbols[s.Name] = s.Value
	}
	const size = 24
	order := f.ByteOrder
	for ; len(table) >= size; table = table[size:] {
		at, info, addend := order.Uint64(table), order.Uint64(table[8:]), order.Uint64(table[16:])
		// The first symbol, which has number 0, is not in the list.
		if n := info >> 32; n > 0 && n <= uint64(len(symbols)) {
			addend += symbols[n-1].Value
		}
		im.pointers[at] = addend
	}
	return nil
}

// text returns the C string at which the pointer at addr points; "" for none.
func (im *image) text(addr uint64) string {
	to := im.pointers[addr]
	if to == 0 {
		return ""
	}
	for _, s := range im.segments {
		if to < s.addr || to >= s.addr+uint64(len(s.data)) {
			continue
		}
		rest := s.data[to-s.addr:]
		if end := bytes.IndexByte(rest, 0); end >= 0 {
			return string(rest[:end])
		}
	}
	return ""
}

// find returns the address of a C string that stands alone.
func (im *image) find(text string) (uint64, bool) {
	for _, s := range im.segments {
		if i := bytes.Index(s.data, []byte("\x00"+text+"\x00")); i >= 0 {
			return s.addr + uint64(i) + 1, true
		}
	}
	return 0, false
}
