using Orchestrator.Coordinator.Hosting;

return await CoordinatorCommand.RunAsync(args, CoordinatorHost.RunAsync);
