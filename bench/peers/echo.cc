// The bare echo with the callback API of gRPC's C++ library: bytes in and bytes out, no work at all.
//
// Its method is raw, as the library calls it: no message is decoded or built. Like the other echoes it answers with the first 24 bytes of what
// it got. Prints its address; SIGTERM ends it.

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <algorithm>
#include <iostream>

#include "echo.grpc.pb.h"

namespace {

constexpr size_t kAnswerBytes = 24;

class Echo final : public bench::Echo::WithRawCallbackMethod_Unary<bench::Echo::Service> {
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* answer) override {
    grpc::Slice first;
    if (!request->TrySingleSlice(&first).ok()) request->DumpToSingleSlice(&first);
    const grpc::Slice cut(first.begin(), std::min(first.size(), kAnswerBytes));
    *answer = grpc::ByteBuffer(&cut, 1);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before there are threads, which inherit it

  Echo echo;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(4 << 20);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&echo);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || !port) return 1;
  std::cout << "127.0.0.1:" << port << std::endl;

  int number = 0;
  sigwait(&ending, &number);
  server->Shutdown(std::chrono::system_clock::now());
  server->Wait();
  return 0;
}
