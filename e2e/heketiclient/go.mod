// The client library of Heketi, as it is, for a test. It is a module of its own, so that the daemon has nothing to do with it.
module gd2/e2e/heketiclient

go 1.26

require github.com/heketi/heketi v10.3.0+incompatible

require (
	github.com/asaskevich/govalidator v0.0.0-20230301143203-a9d515a09cc2 // indirect
	github.com/form3tech-oss/jwt-go v3.2.5+incompatible // indirect
	github.com/go-ozzo/ozzo-validation v3.6.0+incompatible // indirect
)
