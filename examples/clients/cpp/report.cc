// Reports a fault to error_daemon, in C++: stubs made of proto/error_recovery/v1/fault.proto by protoc, and gRPC.
//
//     report ADDRESS COMPONENT MESSAGE
//
// It prints the id of the error that the fault is of. An answer means that the fault is safe; where the daemon says RESOURCE_EXHAUSTED or is
// not there, the fault has to be sent again later.
#include <chrono>
#include <iostream>
#include <string>

#include <grpcpp/grpcpp.h>

#include "error_recovery/v1/fault.grpc.pb.h"

namespace v1 = error_recovery::v1;

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: report ADDRESS COMPONENT MESSAGE\n";
    return 64;
  }
  auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
  auto faults = v1::FaultService::NewStub(channel);

  v1::ReportRequest request;
  v1::Fault &fault = *request.mutable_fault();
  fault.set_type(v1::ERROR_TYPE_DATA);
  fault.set_severity(v1::SEVERITY_HIGH);
  fault.set_message(argv[3]);
  fault.set_source("client/cpp");
  fault.mutable_context()->set_component(argv[2]);
  fault.mutable_exception()->set_type("std::invalid_argument");
  fault.mutable_exception()->set_message(argv[3]);

  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::ReportResponse response;
  grpc::Status status = faults->Report(&context, request, &response);
  if (!status.ok()) {
    std::cerr << "not reported: " << status.error_message() << "\n";
    return status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ? 65 : 75;  // never again; again later
  }
  std::cout << response.receipt().error_id() << "\n";
}
