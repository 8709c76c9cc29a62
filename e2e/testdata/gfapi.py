"""Writes a file through libgfapi and prints the id of the volume: gfapi.py SERVER VOLUME FILE TEXT"""
import ctypes
import sys

server, volume, name, text = (a.encode() for a in sys.argv[1:5])
api = ctypes.CDLL("libgfapi.so.0", use_errno=True)
handle, string, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
for function, result, arguments in (
    ("glfs_new", handle, (string,)),
    ("glfs_set_volfile_server", number, (handle, string, string, number)),
    ("glfs_set_logging", number, (handle, string, number)),
    ("glfs_init", number, (handle,)),
    ("glfs_get_volumeid", number, (handle, string, ctypes.c_size_t)),
    ("glfs_creat", handle, (handle, string, number, ctypes.c_uint)),
    ("glfs_write", ctypes.c_ssize_t, (handle, string, ctypes.c_size_t, number)),
    ("glfs_close", number, (handle,)),
):
    f = getattr(api, function)
    f.restype, f.argtypes = result, arguments


def must(ok, what):
    if not ok:
        sys.exit("%s: errno %d" % (what, ctypes.get_errno()))


fs = api.glfs_new(volume)
must(fs, "new")
must(api.glfs_set_logging(fs, b"/var/log/glusterfs/gfapi.log", 7) == 0, "logging")
must(api.glfs_set_volfile_server(fs, b"tcp", server, 24007) == 0, "server")
must(api.glfs_init(fs) == 0, "init")
uuid = ctypes.create_string_buffer(16)
must(api.glfs_get_volumeid(fs, uuid, 16) == 16, "volume id")
fd = api.glfs_creat(fs, name, 1, 0o644)  # O_WRONLY
must(fd, "create")
must(api.glfs_write(fd, text, len(text), 0) == len(text), "write")
must(api.glfs_close(fd) == 0, "close")
print(uuid.raw.hex())
