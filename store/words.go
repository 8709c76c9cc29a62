package store

// words is what packed records have in common: they refer to it instead of holding it, most often to its end. They cannot be read
// without it, so it stays as it is, to the byte; other words would need another mark than packedMark.
const words = `"},"snapshot":{"id":"device/","hosts":"zone":"tags":"size":"device":"device.` +
	`"options":{},"error":{"kind":"","message":"","fields":{},"causes":[]},"peer-errors":{"acts":[{"course":"claims":{"outputs":{"params":{` +
	`"state":"failed","state":"abandoned","pivoted":true,"about":["volume.delete","volume.stop","volume.set","volume.expand","volume.option.set"` +
	`{"name":"operation.failed","data":{"{"name":"volume.stopped","data":{"{"name":"volume.deleted","data":{"{"name":"volume.options-changed","data":{"` +
	`{"name":"brick.down","data":{"{"name":"brick.up","data":{"{"name":"peer.disconnected","data":{"{"name":"peer.connected","data":{"peer.id":"","peer.name":"` +
	`\"type\":\"Distribute\",\"type\":\"Disperse\",\"type\":\"Arbiter\"},` +
	`{"v":1,"d":{"operation":"volume.start","version":1,"peers":["",""],"locks":["brick/-4","volume/v"],"state":"done","owner":{"peer":"","boot":""},` +
	`"started":"2026-","ended":"Z","result":{},"by":{"user":"uid 0","from":"unix socket, pid 0"},"key":"` +
	`{"v":1,"d":{"print":"","transaction":"01","owner":{"peer":"","boot":""},"began":"2026-","ended":"2026-","done":true,"reply":{"status":200,"body":"{` +
	`{"status":201,"location":"/v1/volumes/","body":"{\"id\":\"\",\"name\":\"v\",\"type\":\"Replicate\",\"transport\":\"tcp\",\"distribute-count\":1,` +
	`\"replica-count\":3,\"arbiter-count\":0,\"disperse-count\":0,\"disperse-data-count\":0,\"disperse-redundancy-count\":0,` +
	`\"options\":{\"cluster.granular-entry-heal\":\"on\",\"nfs.disable\":\"on\",\"performance.client-io-threads\":\"off\",` +
	`\"storage.fips-mode-rchecksum\":\"on\",\"transport.address-family\":\"inet\"},\"state\":\"Created\",\"state\":\"Started\",\"subvols\":[{\"name\":\"` +
	`-replicate-0\",\"type\":\"Replicate\",\"bricks\":[{\"id\":\"\",\"path\":\"/\",\"volume-id\":\"\",\"volume-name\":\"\",` +
	`\"peer-id\":\"\",\"host\":\"\",\"type\":\"Brick\"},{\"id\":\"\"}],` +
	`\"replica-count\":3,\"arbiter-count\":0,\"disperse-count\":0,\"disperse-data-count\":0,\"disperse-redundancy-count\":0}],` +
	`\"metadata\":{},\"snap-list\":[],\"capacity\":0}\n"}}}` +
	`{"v":1,"d":{"origin":"","time":"2026-","events":[{"name":"operation.done","data":{"operation.id":"01","operation.name":"volume.start",` +
	`"operation.name":"volume.create","volume.name":""}},{"name":"volume.started","data":{"volume.id":"{"name":"volume.created","data":{"volume.id":"","volume.name":"` +
	`{"v":1,"d":{"origin":"","time":"2026-","events":[{"name":"operation.started","data":{"operation.id":"01","operation.name":"volume.` +
	`"volume.name":""}}]}}`
